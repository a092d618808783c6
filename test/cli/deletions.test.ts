import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { asRecord, end, instanceManifest, platform, setUpFleet } from '../support/fleet.ts'
import { runReconcile, treeOf } from '../support/program.ts'
import { until } from '../support/until.ts'

const readToken = 'a-read-token-of-alice'
const sha256 = createHash('sha256').update(readToken).digest('hex')
const stopped = (name: string) => instanceManifest(name, 'state: stopped')

async function isPlan(document: unknown): Promise<boolean> {
  const schema: unknown = JSON.parse(
    await readFile(join(import.meta.dirname, '../../schemas/plan.schema.json'), 'utf8'),
  )
  return new Ajv2020({ strict: false, allErrors: true }).validate(asRecord(schema) ?? {}, document)
}

t.test('plan, apply, refuse and allow', { timeout: 200_000 }, async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write(
    'platform.yaml',
    platform.replace('admin: true,', `admin: true, tokens: [ { name: ci, sha256: ${sha256} } ],`),
  )
  const names = ['one', 'two', 'three', 'four']
  for (const name of names) await repository.write(`${name}.yaml`, stopped(name))
  await repository.commit('Four instances')
  const dryRun = async (...args: string[]) => {
    const { code, stdout } = await fleet.run('--dry-run', '--output', 'json', ...args)
    const plan: unknown = JSON.parse(stdout)
    t.ok(await isPlan(plan), 'it is what the schema says')
    return { code, plan: asRecord(plan) ?? {} }
  }
  const first = await dryRun()
  t.equal(first.code, 2)

  const applied = await fleet.run()
  t.equal(applied.code, 0, 'an apply converges')
  t.equal((await fleet.run()).code, 0, 'again')
  const before = await treeOf(fleet.data)
  t.equal((await dryRun()).code, 0, 'nothing is left to do')
  t.same(await treeOf(fleet.data), before, 'and a dry run wrote nothing')

  for (const name of ['one', 'two']) await repository.remove(`${name}.yaml`)
  await repository.commit('Two gone')
  const refused = await dryRun()
  t.match(refused, { code: 1, plan: { refusals: [{ policy: 'max-deletions' }] } })
  const id = String(refused.plan['id'])
  const apply = await fleet.run()
  t.match(apply, { code: 1, stdout: new RegExp(`--allow-deletions=${id.slice(0, 12)}`) })
  t.equal((await fleet.run(`--allow-deletions=${'0'.repeat(12)}`)).code, 1, 'another plan is not allowed')
  t.equal((await dryRun()).plan['id'], id, 'and nothing has happened')
  t.equal((await dryRun(`--allow-deletions=${id.slice(0, 12)}`)).code, 2)
  t.equal((await fleet.run(`--allow-deletions=${id.slice(0, 12)}`)).code, 0, 'that plan is')
  t.match(await dryRun(), { code: 0 })

  for (const name of ['three', 'four']) await repository.remove(`${name}.yaml`)
  await repository.commit('All gone')
  t.match(await dryRun(), { code: 1, plan: { refusals: [{ policy: 'delete-all' }] } })
  t.equal((await fleet.run()).code, 1)
  t.equal((await fleet.run('--allow-deletions')).code, 0, 'any plan is allowed')
  t.match(await dryRun(), { code: 0 })
})

t.test('a preview against a running reconciler', { timeout: 200_000 }, async (t) => {
  const fleet = await setUpFleet(t)
  const { repository } = fleet
  await repository.write(
    'platform.yaml',
    platform.replace('admin: true,', `admin: true, tokens: [ { name: ci, sha256: ${sha256} } ],`),
  )
  for (const name of ['one', 'two']) await repository.write(`${name}.yaml`, stopped(name))
  await repository.commit('Two instances')
  const server = await fleet.serve()
  await until('both are known', async () => (await fleet.run('--dry-run')).code === 0)
  const elsewhere = t.testdir({})
  const against = async (token: string, source: string) =>
    runReconcile(
      [
        '--dry-run',
        '--against',
        fleet.url,
        '--source',
        source,
        '--output',
        'json',
        '--data',
        join(elsewhere, 'data'),
      ],
      { env: { WEIR_TOKEN: token }, cwd: elsewhere },
    )
  // a clone, so that the change is proposed and not yet in force
  const clone = join(elsewhere, 'clone')
  await repository.git('clone', '--quiet', repository.directory, clone)
  const proposal = join(clone, 'one.yaml')
  await writeFile(proposal, instanceManifest('one', 'state: stopped, env: [ { name: SITE, value: berlin } ]'))
  await repository.git('-C', clone, 'commit', '--quiet', '--all', '--message', 'Name the site')

  const remote = await against(readToken, clone)
  t.match(remote, { code: 2, stderr: '' })
  const local = await fleet.run('--dry-run', '--source', clone, '--output', 'json')
  t.equal(local.code, 2)
  const [plan, same]: unknown[] = [JSON.parse(remote.stdout), JSON.parse(local.stdout)]
  t.ok(await isPlan(plan))
  t.equal(asRecord(plan)?.['id'], asRecord(same)?.['id'], 'the same plan as with the driver')

  t.match(await against('not-a-token', clone), { code: 1, stdout: '', stderr: /WEIR_TOKEN/ })
  t.match(await against('bob:pass-word-1', clone), { code: 1, stdout: '', stderr: /not for this user/ })
  const unchanged = await against('alice:pass-word-1', repository.directory)
  t.equal(unchanged.code, 0, 'nothing would change')
  await end(server, 'SIGTERM')
})
