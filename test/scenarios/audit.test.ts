import { createHash } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { sqliteDatabase } from '../../reconciler/store/sqlite-database.ts'
import { createCanaries } from '../support/canaries.ts'
import { asRecord, end, instanceManifest, passwordHash, platform, setUpFleet } from '../support/fleet.ts'
import { runReconcile } from '../support/program.ts'
import { until } from '../support/until.ts'

type Entry = Readonly<Record<string, unknown>>

/** Proves an export as somebody would who has nothing but the lines. */
function proven(lines: string): readonly Entry[] {
  let previous = '0'.repeat(64)
  return lines
    .trimEnd()
    .split('\n')
    .map((line, index) => {
      const entry: Entry = JSON.parse(line)
      const hashed = `${line.slice(0, line.lastIndexOf(',"hash":'))}}`
      const hash = createHash('sha256').update(hashed).digest('hex')
      if (entry['id'] !== index + 1 || entry['hash'] !== hash || entry['previous'] !== previous)
        throw new Error(`line ${index + 1} does not follow`)
      previous = hash
      return entry
    })
}

t.test(
  'what was done to a fleet stands in its trail, and whose doing it was',
  { timeout: 200_000 },
  async (t) => {
    const fleet = await setUpFleet(t)
    const { repository } = fleet
    const canaries = createCanaries()
    canaries.add('a secret', 'canary-of-the-trail-41c7')
    canaries.add('the hash of a password', passwordHash)
    await writeFile(join(fleet.secrets, 'api-key'), 'canary-of-the-trail-41c7\n')
    const stopped = 'state: stopped, env: [ { name: API_KEY, valueFrom: { secret: api-key } } ]'
    const audit = async (...args: string[]) => fleet.run('audit', ...args)
    t.match(await audit('verify'), { code: 1, stdout: '', stderr: /There is no store .*weir\.db/ })

    for (const name of ['one', 'two', 'three', 'four'])
      await repository.write(`${name}.yaml`, instanceManifest(name, stopped))
    const first = await repository.commit('Four instances')
    t.equal((await fleet.run()).code, 0)
    await repository.write('platform.yaml', platform.replace(', { user: bob, role: viewer }', ''))
    const second = await repository.commit('Without bob')
    t.equal((await fleet.run()).code, 0)
    for (const name of ['one', 'two']) await repository.remove(`${name}.yaml`)
    const third = await repository.commit('Two gone')
    t.equal((await fleet.run()).code, 1)
    t.equal((await fleet.run()).code, 1, 'refused again')
    const planned: unknown = JSON.parse((await fleet.run('--dry-run', '--output', 'json')).stdout)
    const plan = String(asRecord(planned)?.['id'])
    const noted = /^head (\S+)$/m.exec((await audit('verify')).stdout)?.[1] ?? ''
    t.equal((await fleet.run(`--allow-deletions=${plan.slice(0, 12)}`)).code, 0)

    const { code, stdout } = await audit('export')
    t.equal(code, 0)
    const entries = proven(stdout)
    const those = (wanted: Entry) =>
      entries.filter((entry) => Object.entries(wanted).every(([name, value]) => entry[name] === value))
    const created = those({ event: 'action', action: 'create', outcome: 'applied', revision: first })
    t.same(new Set(created.map(({ instance }) => instance)), new Set(['one', 'two', 'three', 'four']))
    for (const entry of created)
      t.match(entry, { subject: 'Four instances', author: /\w/, cause: 'change', planId: /^[0-9a-f]{64}$/ })
    t.equal(those({ event: 'access', user: 'alice', to: 'owner', revision: first }).length, 4)
    t.equal(
      those({ event: 'access', user: 'bob', from: 'viewer', revision: second, subject: 'Without bob' })
        .length,
      4,
    )
    t.match(those({ event: 'plan-refused' }), [
      {
        planId: plan,
        revision: third,
        subject: 'Two gone',
        message: /max-deletions: it would delete 2 of 4/,
      },
    ])
    t.equal(those({ event: 'plan-refused' }).length, 1, 'a plan that is refused again is told once')
    const deleted = those({ event: 'action', action: 'delete' })
    t.equal(deleted.length, 2)
    for (const entry of deleted)
      t.match(entry, {
        outcome: 'applied',
        planId: plan,
        allowed: plan.slice(0, 12),
        allowedBy: userInfo().username,
        subject: 'Two gone',
      })
    t.ok(
      entries.every(
        ({ allowed, action, event, to }) =>
          allowed === undefined || action === 'delete' || (event === 'access' && to === undefined),
      ),
    )
    t.same(canaries.in(stdout), [], 'no secret is in it')

    const proof = await audit('verify', '--noted', noted)
    t.match(proof, {
      code: 0,
      stderr: '',
      stdout: new RegExp(`head ${entries.length}:${String(entries.at(-1)?.['hash'])}`),
    })
    const ofOne = (await audit('export', '--instance', 'one')).stdout.trimEnd().split('\n')
    t.ok(ofOne.length >= 4)
    t.ok(ofOne.every((line) => asRecord(JSON.parse(line))?.['instance'] === 'one'))
    const ofBob = (await audit('export', '--user', 'bob', '--event', 'access')).stdout.trimEnd().split('\n')
    t.equal(ofBob.length, those({ event: 'access', user: 'bob' }).length)
    t.match(await audit('export', '--event', 'flew'), { code: 1, stderr: /plan-refused/ })
    t.match(await audit('export', '--since', '2999-01-01'), { code: 0, stdout: '' })
    t.equal((await audit('export', '--until', '2999-01-01')).stdout, stdout)
    t.match(await audit('export', '--since', 'yesterday'), { code: 1, stderr: /2026-01-31/ })

    const server = await fleet.serve()
    await until('it has looked', async () => (await fleet.api('fleet')) !== undefined)
    t.match(await audit('verify', '--noted', noted), { code: 0 }, 'while a reconciler serves')
    t.equal((await audit('export')).stdout, stdout)
    const shown = asRecord(await fleet.api('audit?event=plan-refused'))
    t.match(shown, { entries: [{ planId: plan, hash: those({ event: 'plan-refused' })[0]?.['hash'] }] })
    await end(server, 'SIGTERM')

    const forged = join(fleet.data, '../forged')
    await mkdir(forged)
    await copyFile(join(fleet.data, 'weir.db'), join(forged, 'weir.db'))
    const db = sqliteDatabase(join(forged, 'weir.db'), 'write')
    const check = async (...args: string[]) => runReconcile(['audit', ...args, '--data', forged])
    t.equal((await check('verify')).code, 0)
    const last = entries.length
    await db('audit').where({ id: last }).delete()
    t.match(await check('verify'), { code: 0, stdout: new RegExp(`head ${last - 1}:`) })
    const head = `${last}:${String(entries.at(-1)?.['hash'])}`
    t.match(await check('verify', '--noted', head), {
      code: 1,
      stderr: /broken at entry \d+: it is missing, and was there/,
    })
    await db('audit')
      .where({ id: 3 })
      .update({ hash: 'f'.repeat(64) })
    t.match(await check('verify'), {
      code: 1,
      stdout: '',
      stderr: /broken at entry 3: .*; entries 1 to 2 are as/,
    })
    t.match(await check('export'), { code: 1, stderr: /entry 3 does not match its hash/ })
    await db.destroy()
  },
)
