import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startPostgres, withoutPostgres } from '../engines/postgres.ts'
import { asRecord, end, instanceManifest, password, setUpFleet } from '../support/fleet.ts'
import { freePortPair } from '../support/free-port.ts'
import { until } from '../support/until.ts'

const skip = withoutPostgres
const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`

/** What a door answers; undefined while it does not. */
async function ask(url: string, path: string, headers: Record<string, string> = { authorization }) {
  const response = await fetch(`${url}${path}`, { headers }).catch(() => undefined)
  return response?.ok === true ? asRecord(await response.json()) : undefined
}

t.test('one reconciler leads, another one serves beside it and takes over', { skip }, async (t) => {
  const server = await startPostgres(t)
  const issuer = 'identity: { issuer: "http://127.0.0.1:PORT/identity" }'
  const fleet = await setUpFleet(t, `store: "${await server.createDatabase()}"\n${issuer}\n`)
  const port = await freePortPair()
  const other = `http://127.0.0.1:${port}`
  const declare = async (name: string) => {
    await fleet.repository.write(`${name}.yaml`, instanceManifest(name))
    await fleet.repository.commit(`Add ${name}`)
  }
  await declare('press-1')
  const leader = await fleet.serve()
  await fleet.ready('press-1')
  await fleet.serve('--listen', `127.0.0.1:${port}`)
  await until('the follower is ready', async () => ask(other, '/readyz', {}))

  t.match(await ask(fleet.url, '/api/v1/fleet'), {
    leader: { term: 1, here: true, name: String(leader.pid) },
  })
  t.match(await ask(other, '/api/v1/fleet'), {
    leader: { term: 1, here: false, name: String(leader.pid) },
    ready: true,
  })
  t.match(await ask(other, '/api/v1/instances/press-1'), { ready: true, drifted: false, phase: 'running' })
  t.match(await (await fetch(`${other}/metrics`)).text(), /^weir_leader 0$/m)

  t.comment('launchers are told the same at both')
  const uid = String((await fleet.instance('press-1'))?.['uid'])
  const bootstrap: unknown = JSON.parse(
    await readFile(join(fleet.data, 'instances', uid, 'launcher.json'), 'utf8'),
  )
  const runtime = { authorization: `Bearer ${String(asRecord(bootstrap)?.['runtimeToken'])}` }
  const { identity, ...settings } = (await ask(fleet.url, '/runtime/v1/settings', runtime)) ?? {}
  t.match(settings, { name: 'press-1', members: [{ username: 'alice' }, { username: 'bob' }] })
  const { identity: there, ...same } = (await ask(other, '/runtime/v1/settings', runtime)) ?? {}
  t.same(same, settings)
  t.match(there, {
    issuer: `${fleet.url}/identity`,
    clientId: uid,
    clientSecret: asRecord(identity)?.['clientSecret'],
  })
  t.same(
    await ask(other, '/runtime/v1/members', runtime),
    await ask(fleet.url, '/runtime/v1/members', runtime),
  )

  t.comment('what the leader does is seen at the other')
  await declare('press-2')
  await fleet.ready('press-2')
  await until(
    'the other knows',
    async () => (await ask(other, '/api/v1/instances/press-2'))?.['ready'] === true,
  )

  await end(leader, 'SIGKILL')
  await declare('press-3')
  await until('the other one has taken over', async () => {
    const view = await ask(other, '/api/v1/instances/press-3')
    return view?.['ready'] === true && view['drifted'] === false
  })
  t.match(await ask(other, '/api/v1/fleet'), { leader: { term: 2, here: true } })
  t.equal((await fleet.launchers()).length, 3, 'there is no second of any')
  t.match(await fleet.run('audit', 'verify'), { code: 0 })
  const told = asRecord(await ask(other, '/api/v1/audit?event=action'))?.['entries']
  const created = Array.isArray(told) ? told.filter((entry) => asRecord(entry)?.['action'] === 'create') : []
  t.equal(
    new Set(created.map((entry) => asRecord(entry)?.['instance'])).size,
    created.length,
    'told once each',
  )

  t.comment('who was killed comes back and follows')
  await fleet.serve()
  await until(
    'it follows',
    async () => asRecord((await ask(fleet.url, '/api/v1/fleet'))?.['leader'])?.['here'] === false,
  )
})

t.test('a store that is away at the start is waited for', { skip }, async (t) => {
  const server = await startPostgres(t)
  const fleet = await setUpFleet(t, `store: "${await server.createDatabase()}"\n`)
  await fleet.repository.write('press.yaml', instanceManifest('press-1'))
  await fleet.repository.commit('Add a press')
  await server.stop()
  const serving = await fleet.serve()
  const answer = await until('it says what it waits for', async () => {
    const response = await fetch(`${fleet.url}/readyz`)
    const { detail } = asRecord(await response.json()) ?? {}
    return /ECONNREFUSED/.test(String(detail)) ? response : undefined
  })
  t.equal(answer.status, 503)
  t.equal((await fetch(`${fleet.url}/healthz`)).status, 200)
  await server.start()
  await fleet.ready('press-1')
  t.equal(serving.exitCode, null, 'it is the same process')
})
