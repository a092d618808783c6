/** What is kept between revisions and rounds saves work and changes no answer. */
import * as fc from 'fast-check'
import t from 'tap'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import type { DesiredState } from '../../reconciler/model/desired-state.ts'
import { canonicalText } from '../../reconciler/model/digest.ts'
import type { StatusRecord } from '../../reconciler/model/status-record.ts'
import { attachSecrets } from '../../reconciler/secrets/attach-secrets.ts'
import { instanceStatus, saysTheSame, type StatusInput } from '../../reconciler/status/conditions.ts'
import { resolvedInstance } from '../support/make-instance.ts'
import { snapshotOf } from '../support/memory-files.ts'

const signal = AbortSignal.timeout(170_000)
const validators = createValidators()

const document = (kind: string, name: string, spec: string, more = ''): string =>
  `apiVersion: weir/v1\nkind: ${kind}\nmetadata: { name: ${name}${more} }\nspec: ${spec}\n`

/** What may stand in each file, from one revision to the next; absent where nothing does. */
const variants: { readonly [path: string]: readonly (string | undefined)[] } = {
  'stack.yaml': [
    document('Stack', 's', '{ nodeRed: 5.0.7 }'),
    document('Stack', 's', '{ nodeRed: 5.0.6 }'),
    '{',
  ],
  'template.yaml': [
    document('Template', 't', '{ stack: s, resources: { cpu: 500m }, env: [{ name: A, value: "1" }] }'),
    document('Template', 't', '{ stack: s, env: [{ name: K, valueFrom: { secret: key } }] }'),
    document('Template', 't', '{ stack: nowhere }'),
    undefined,
  ],
  'moved/template.yaml': [
    undefined,
    undefined,
    document('Template', 't', '{ stack: s, resources: { cpu: 1 } }'),
  ],
  'users.yaml': [
    document('User', 'u', '{ admin: true }'),
    document('User', 'u', '{}'),
    document('User', 'u', '{ x: 1 }'),
  ],
  'team.yaml': [
    document('Team', 'line', '{ members: [{ user: u, role: owner }], defaults: { template: t } }'),
    document('Team', 'line', '{ members: [{ user: u, role: viewer }], defaults: { template: t } }'),
    document('Team', 'line', '{ members: [{ user: nobody, role: owner }] }'),
  ],
  'a.yaml': [
    document('Instance', 'a', '{ team: line, port: 12080, hostname: a.example.com }'),
    document('Instance', 'a', '{ team: line, port: 12081, flows: { path: flows.json } }'),
    document('Instance', 'a', '{ team: line, resources: { cpu: 250m } }'),
    document('Instance', 'a', '{ team: }'),
    undefined,
  ],
  'b.yaml': [
    document('Instance', 'b', '{ team: line, port: 12080 }'),
    document('Instance', 'b', '{ team: line, hostnames: [A.example.com] }'),
    document('Instance', 'b', '{ team: line }', ', previously: a'),
    undefined,
  ],
  'flows.json': ['[]', '[{"id":"n","type":"tab"}]', 'no JSON', undefined],
}

const anyRevision = fc
  .record(
    Object.fromEntries(Object.entries(variants).map(([path, texts]) => [path, fc.constantFrom(...texts)])),
  )
  .map((files) => {
    const present: Record<string, string> = {}
    for (const [path, text] of Object.entries(files)) if (text !== undefined) present[path] = text
    return present
  })

/** As text: a comparison of objects would not tell the order of a map, which plans do not depend on either. */
function told(desired: DesiredState): string {
  const instances = attachSecrets(desired, new Map([['key', 'print']]), new Map()).instances
  const entries = <V>(map: ReadonlyMap<string, V>) =>
    [...map].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, value])
  const { diagnostics, complete, renames, held, flows, teams } = desired
  return canonicalText({
    instances: entries(instances),
    renames: entries(renames),
    held: entries(held),
    flows: entries(flows),
    teams: entries(teams),
    diagnostics: diagnostics.map((each) => canonicalText(each)).toSorted(),
    complete,
  })
}

t.test('a loader that has read other revisions tells what a new one does', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRevision, { minLength: 2, maxLength: 6 }), async (revisions) => {
      const options = { validators, defaultDriver: 'localfs' } as const
      const kept = createDesiredLoader(options)
      for (const files of revisions) {
        // Users outlive a revision that spoils their document, and only a loader that knew them can tell.
        const users = { ...files, 'users.yaml': variants['users.yaml']?.[0] ?? '' }
        const [before, anew] = await Promise.all([
          kept.load(snapshotOf(users), signal),
          createDesiredLoader(options).load(snapshotOf(users), signal),
        ])
        t.equal(told(before), told(anew))
      }
    }),
    { numRuns: 200 },
  )
})

const anyInput: fc.Arbitrary<Omit<StatusInput, 'before'>> = fc.record({
  name: fc.constant('press'),
  desired: fc.constantFrom(
    undefined,
    resolvedInstance('press'),
    resolvedInstance('press', { state: 'stopped' }),
  ),
  observation: fc.oneof(
    fc.constantFrom(
      undefined,
      { kind: 'absent', uid: 'u' } as const,
      {
        kind: 'unknown',
        uid: 'u',
        cause: 'it does not answer',
      } as const,
    ),
    fc.record({
      kind: fc.constant('present' as const),
      uid: fc.constant('u'),
      name: fc.constant('press'),
      fields: fc.constant({}),
      phase: fc.constantFrom('pending' as const, 'running' as const, 'stopped' as const, 'unknown' as const),
      message: fc.constantFrom('so', 'thus'),
    }),
  ),
  action: fc.constantFrom(undefined, undefined, {
    kind: 'update',
    target: { name: 'press', uid: 'u' },
    cause: 'drift',
    reason: 'drifted',
    effect: 'nothing',
    changes: [{ path: 'state', cause: 'drift' }],
  } as const),
  active: fc.constantFrom(false, false, true),
  failure: fc.constantFrom(undefined, undefined, { failures: 1, until: 0, message: 'the port is in use' }),
  obstacle: fc.constantFrom(undefined, undefined, { reason: 'Held', message: 'its manifest is invalid' }),
  revision: fc.constantFrom('r1', 'r2'),
  now: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'),
})

/** Everything but the revision that it is about. */
function withoutRevision({ conditions, ...record }: StatusRecord): string {
  return canonicalText({
    ...record,
    conditions: conditions.map((each) => ({ ...each, observedRevision: '' })),
  })
}

t.test('a status that is said to be the same is the same, judged in full', async (t) => {
  let quick = 0
  fc.assert(
    fc.property(fc.array(anyInput, { minLength: 2, maxLength: 8 }), (inputs) => {
      let before: StatusRecord | undefined
      for (const each of inputs) {
        const input = { ...each, before }
        const said = saysTheSame(input)
        const record = instanceStatus(input)
        if (said && before !== undefined) {
          quick += 1
          t.equal(withoutRevision(record), withoutRevision(before))
        } else before = record
      }
    }),
    { numRuns: 2000 },
  )
  t.ok(quick > 0, 'some were')
})
