import t from 'tap'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { openEditor } from '../support/editor.ts'
import { instanceManifest, password, setUpFleet } from '../support/fleet.ts'
import { until } from '../support/until.ts'

const skip = withoutPostgres
const outageMs = 60_000
const connected = `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'weir %'`
const cut = `SELECT pg_terminate_backend(pid) FROM (${connected}) AS ours`
const node = (name: string) => ({
  id: 'c1',
  type: 'comment',
  z: 'tab1',
  name,
  info: '',
  x: 1,
  y: 1,
  wires: [],
})
const flows = (name: string) => [
  { id: 'tab1', type: 'tab', label: 'Press', disabled: false, info: '', env: [] },
  node(name),
]

t.test('a fleet whose store goes away and comes back', { skip }, async (t) => {
  const server = await startPostgres(t)
  const fleet = await setUpFleet(t, `store: "${await server.createDatabase()}"\n`)
  const declare = async (name: string) => {
    await fleet.repository.write(`${name}.yaml`, instanceManifest(name))
    await fleet.repository.commit(`Add ${name}`)
  }
  const stored = async () => (await fleet.run('flows', 'export', 'press-1')).stdout
  await declare('press-1')
  const serving = await fleet.serve()
  await fleet.ready('press-1')
  const editor = await openEditor(fleet.firstPort, 'alice', password)
  t.match(await editor.deploy(flows('before')), { status: 200 })
  t.match(await stored(), /before/)

  const pids = async () => [(await fleet.launchers()).map(({ pid }) => pid), fleet.nodeReds()]
  const before = await pids()
  await server.stop()
  const stoppedAt = performance.now()
  t.match(await editor.deploy(flows('meanwhile')), { status: 200 }, 'a deploy waits on its machine')
  await declare('press-2')
  const answer = await until('a request notices', async () => {
    const response = await fetch(`${fleet.url}/api/v1/fleet`, {
      headers: { authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}` },
    })
    return response.ok ? undefined : response
  })
  t.equal(answer.status, 503)
  t.equal((await fetch(`${fleet.url}/healthz`)).status, 200)
  const alone = await fleet.run('--dry-run')
  t.equal(alone.code, 1)
  t.match(alone.stderr, /postgres:\/\/weir@127\.0\.0\.1:\d+\/weir_1 cannot be used: .*ECONNREFUSED/)

  await until(
    'it was away for a minute',
    async () => {
      t.match(await editor.flows(), flows('meanwhile'))
      return performance.now() - stoppedAt >= outageMs
    },
    { within: 2 * outageMs, every: 5_000 },
  )
  t.strictSame(await pids(), before, 'what runs goes on, and was not started again')
  await until('the log says why nothing is done', async () =>
    /"level":"(?:warn|error)".*cannot be used: .*ECONNREFUSED/.test(await fleet.log()),
  )

  await server.start()
  await fleet.ready('press-2')
  await until('what was deployed meanwhile is in the store', async () => /meanwhile/.test(await stored()))
  t.match(await editor.flows(), flows('meanwhile'))

  await declare('press-3')
  t.match(await editor.deploy(flows('while it is cut')), { status: 200 })
  for (let times = 0; times < 5; times++) {
    await server.query(cut)
    await until('they are there again', async () => (await server.query(connected)).length > 0)
  }
  await fleet.ready('press-3')
  await until('no deploy was lost', async () => /while it is cut/.test(await stored()))

  t.equal(serving.exitCode, null, 'it is the same process')
  t.equal((await fleet.launchers()).length, 3, 'and there is no second of any')
  t.match(await fleet.run('audit', 'verify'), { code: 0 })
  t.match(await fleet.run('--dry-run'), { code: 0 })
})
