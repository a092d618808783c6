import t from 'tap'
import { createDesiredLoader, type Files } from '../../reconciler/desired/load-desired.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import { isGone } from '../../reconciler/model/withdrawn-access.ts'
import { snapshotOf } from '../support/memory-files.ts'

const signal = AbortSignal.timeout(60_000)
const validators = createValidators()
const resource = (kind: string, name: string): string =>
  `apiVersion: weir/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: {}\n`
const alice = { 'alice.yaml': resource('User', 'alice') }
const before = {
  ...alice,
  'people/bob.yaml': resource('User', 'bob'),
  'team.yaml': resource('Team', 'line'),
  'other.yaml': `${resource('User', 'carol')}---\n${resource('User', 'dave')}`,
}

/** What is known of bob after a revision that came after the one before. */
async function bobAfter(files: Readonly<Record<string, string>>, skipped: Files['skipped'] = []) {
  const loader = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  await loader.load(snapshotOf(before), signal)
  const desired = await loader.load({ ...snapshotOf(files), skipped }, signal)
  return { desired, loader, kept: desired.users.has('bob'), gone: isGone('users', 'bob', desired) }
}

t.test('who stood in a file that was removed is gone, unless they may have been moved', async (t) => {
  for (const broken of ['kind: [', `${resource('User', 'bobby')}---\nkind: [ bob-2`])
    t.match(await bobAfter({ ...alice, 'x.yaml': broken }), { kept: false, gone: true }, broken)
  for (const broken of ['kind: [ bob', '# Bob comes here\nkind: [', '', '# nothing yet'])
    t.match(await bobAfter({ ...alice, 'x.yaml': broken }), { kept: true, gone: false }, broken)
  for (const path of ['people', 'x.yaml'])
    t.match(
      await bobAfter(alice, [{ path, reason: 'symlink-outside' }]),
      { kept: true, gone: false },
      `${path} is a link`,
    )
  t.match(await bobAfter(alice), { kept: false, gone: true, desired: { complete: true } })
})

t.test('a file that is still there proves nothing while another cannot be read', async (t) => {
  const files = { ...before, 'x.yaml': 'kind: [', 'other.yaml': resource('User', 'carol') }
  const { desired } = await bobAfter(files)
  t.ok(desired.users.has('dave'), 'a file that was cut between two documents')
  t.same([...desired.unread.asLastKnown], ['dave'])
  t.same(desired.unread.files, ['x.yaml'])
})

t.test('who is gone stays so until they are declared, and nobody is made up', async (t) => {
  const { loader } = await bobAfter({ ...alice, 'x.yaml': 'kind: [' })
  const load = async (files: Readonly<Record<string, string>>) => loader.load(snapshotOf(files), signal)
  const named = await load({ ...alice, 'x.yaml': 'kind: [ bob' })
  t.match([named.users.has('bob'), isGone('users', 'bob', named)], [false, true])
  t.ok(isGone('teams', 'line', named), 'teams too')
  const back = await load({ ...before, 'x.yaml': 'kind: [' })
  t.match([back.users.has('bob'), isGone('users', 'bob', back)], [true, false])
  await load({ 'x.yaml': 'kind: [' })
  t.ok(
    (await load({ ...before, 'people/bob.yaml': '' })).users.has('bob'),
    'a source of nothing is no revision',
  )
  const fresh = createDesiredLoader({ validators, defaultDriver: 'localfs' })
  const first = await fresh.load(snapshotOf({ ...alice, 'x.yaml': 'kind: [' }), signal)
  t.notOk(isGone('users', 'bob', first), 'of whom nothing was known nothing is known')
})

t.test('a team that is invalid is not gone', async (t) => {
  const { desired } = await bobAfter({ ...before, 'team.yaml': resource('Team', 'line').replace('{}', '[]') })
  t.ok(desired.complete)
  t.notOk(isGone('teams', 'line', desired))
  t.ok(isGone('teams', 'packing', desired))
})
