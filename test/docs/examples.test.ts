import { randomUUID } from 'node:crypto'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import type { Plan } from '../../reconciler/model/plan.ts'
import { openFleetKey } from '../../reconciler/secrets/fleet-key.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { runReconcile } from '../support/program.ts'

const root = join(import.meta.dirname, '../..')

/** The names of the instances that the manifests below a folder declare, in order. */
function declaredIn(folder: string): readonly string[] {
  const files = globSync('**/*.{yaml,yml}', { cwd: folder })
  const documents = files.flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
  return documents
    .filter((document) => document.get('kind') === 'Instance')
    .map((document) => String(document.getIn(['metadata', 'name'])))
    .toSorted()
}

/** As on a machine that runs a fleet: by its key a preview knows what the folder of secrets holds. */
async function beginData(data: string): Promise<void> {
  await mkdir(data, { mode: 0o700 })
  await openFleetKey(join(data, 'fleet.key'), { create: true })
  const store = await openSqliteStore({ file: join(data, 'weir.db'), clock: systemClock, newId: randomUUID })
  await store[Symbol.asyncDispose]()
}

/** Validates and plans `fleet/` of a folder by the real program, as a person does: nothing may be wrong with it. */
async function planOf(t: Test, folder: string): Promise<Plan> {
  const config = join(folder, 'weir.yaml')
  await beginData(join(folder, 'data'))
  await writeFile(config, 'source: { url: fleet }\nsecrets: secrets\ndata: data\n')
  const validated = await runReconcile(['validate', '--config', config, '--output', 'json'])
  t.match(validated, { code: 0, stderr: '' })
  const said: { readonly diagnostics: readonly unknown[] } = JSON.parse(validated.stdout)
  t.same(said.diagnostics, [], 'there is nothing to say about it')
  const previewed = await runReconcile(['--dry-run', '--config', config, '--output', 'json'])
  t.match(previewed, { code: 2, stderr: '' })
  const plan: Plan = JSON.parse(previewed.stdout)
  t.match(plan, { complete: true, summary: { held: 0 } })
  t.same([...plan.problems, ...plan.refusals], [], 'nothing is held back')
  t.same(
    plan.actions.map(({ kind, target }) => `${kind} ${target.name}`).toSorted(),
    declaredIn(join(folder, 'fleet')).map((name) => `create ${name}`),
    'every instance is created',
  )
  return plan
}

const examples = readdirSync(join(root, 'examples'))

/** Where the manifests of an example are: in `fleet` where there is more to it. */
function fleetOf(name: string): string {
  const folder = join(root, 'examples', name)
  return existsSync(join(folder, 'fleet')) ? join(folder, 'fleet') : folder
}

t.test('there is a fleet in every folder of examples', async (t) => {
  t.ok(examples.length > 0)
  for (const name of examples) t.ok(declaredIn(fleetOf(name)).length > 0, name)
})

for (const name of examples)
  t.test(`examples/${name} is valid and can be planned`, async (t) => {
    const folder = t.testdir({ secrets: {} })
    await cp(fleetOf(name), join(folder, 'fleet'), { recursive: true })
    await planOf(t, folder)
  })

/** What the manifest of the README names, and a fleet that holds it must have. */
interface Named {
  readonly spec: {
    readonly team: string
    readonly stack: string
    readonly env: readonly { readonly name: string; readonly valueFrom?: { readonly secret: string } }[]
    readonly flows: { readonly path: string }
    readonly modules: Readonly<Record<string, string>>
  }
}

t.test('the manifest of the README is valid and can be planned', async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const section = readme.split(/^## /m).find((part) => part.startsWith('A fleet of your own\n')) ?? ''
  const [, manifest = ''] = /^```yaml\n([^]*?)^```$/m.exec(section) ?? []
  const { spec }: Named = parse(manifest)
  const secrets = spec.env.flatMap(({ valueFrom }) => valueFrom?.secret ?? [])
  const platform = `apiVersion: weir/v1
kind: Stack
metadata: { name: ${spec.stack} }
spec: { nodeRed: 5.0.7 }
---
apiVersion: weir/v1
kind: Team
metadata: { name: ${spec.team} }
spec: {}
`
  const folder = t.testdir({
    secrets: Object.fromEntries(secrets.map((name) => [name, 'of the example'])),
    fleet: { 'manifest.yaml': manifest, 'platform.yaml': platform },
  })
  const flows = join(folder, 'fleet', spec.flows.path)
  await mkdir(dirname(flows), { recursive: true })
  await writeFile(flows, '[]')
  const [action] = (await planOf(t, folder)).actions
  const planned = action?.changes.map(({ path }) => path) ?? []
  const written = [
    ...spec.env.map((variable) => `env.${variable.name}`),
    ...Object.keys(spec.modules).map((name) => `modules.${name}`),
  ]
  t.same(
    written.filter((path) => !planned.includes(path)),
    [],
    'the plan has what the manifest says',
  )
})
