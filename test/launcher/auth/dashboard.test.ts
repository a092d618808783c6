import t from 'tap'
import { canonicalDigest } from '../../../launcher/canonical-json.ts'
import { member, prepareLauncher, withPassword } from '../../support/launcher.ts'
import { until } from '../../support/until.ts'

const nodes = [
  { id: 'tab', type: 'tab', label: 'Flow' },
  { id: 'base', type: 'ui-base', name: 'Dashboard', path: '/dashboard', includeClientData: true },
]
const basic = (user: string) => ({ authorization: `Basic ${btoa(user)}` })

/** Connects as socket.io's client does, by a socket from the first: https://socket.io/docs/v4/socket-io-protocol/ */
async function connect(port: number, headers: Record<string, string>) {
  const url = `ws://127.0.0.1:${port}/dashboard/socket.io/?EIO=4&transport=websocket`
  const socket = new WebSocket(url, { headers })
  const heard: string[] = []
  let closed = false
  socket.addEventListener('message', ({ data }) => {
    heard.push(String(data))
    // Or the server would end it by itself.
    if (data === '2') socket.send('3')
  })
  socket.addEventListener('close', () => {
    closed = true
  })
  await until('the transport is open', () => heard.some((packet) => packet.startsWith('0')))
  socket.send('40')
  const answer = await until('it is answered', () => heard.find((packet) => /^4[04]/.test(packet)))
  return { answer, closed: () => closed, close: () => socket.close() }
}

/** Connects by polling, as it does where a proxy lets no socket through. */
async function poll(port: number, headers: Record<string, string>) {
  const url = `http://127.0.0.1:${port}/dashboard/socket.io/?EIO=4&transport=polling`
  const opened: { sid: string } = JSON.parse((await (await fetch(url, { headers })).text()).slice(1))
  const session = `${url}&sid=${opened.sid}`
  await fetch(session, { method: 'POST', body: '40', headers })
  return (await fetch(session, { headers })).text()
}

t.test('a dashboard is open to members, as long as they are', async (t) => {
  const dan = await withPassword(member('dan', ''))
  const eva = await withPassword(member('eva', ''))
  const launcher = await prepareLauncher(t, {
    members: [dan, eva],
    endpoints: { access: 'basic' },
    modules: { '@flowfuse/node-red-dashboard': '1.31.0' },
    flows: { digest: canonicalDigest(nodes), nodes },
  })
  const { port, door, admin } = launcher
  launcher.launch()
  await until(
    'Node-RED runs',
    async () => (await launcher.state().catch(() => undefined))?.phase === 'running',
    {
      within: 240_000,
      every: 100,
    },
  )
  const page = async (headers: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${port}/dashboard`, { headers })).status
  await until('the dashboard is there', async () => (await page(basic('dan:dan-password'))) === 200)
  t.equal(await page({}), 401)
  for (const headers of [
    {},
    basic('dan:wrong'),
    { ...basic('dan:dan-password'), origin: 'https://evil.example.com' },
  ])
    t.match((await connect(port, headers)).answer, /^44.*unauthorized/, JSON.stringify(headers))

  const evil = { ...basic('dan:dan-password'), origin: 'https://evil.example.com' }
  t.match(await poll(port, evil), /^44.*unauthorized/)
  t.match(await poll(port, { ...evil, origin: `http://127.0.0.1:${port}` }), /^40/)

  const [ofDan, ofEva] = [
    await connect(port, { ...basic('dan:dan-password'), origin: `http://127.0.0.1:${port}` }),
    await connect(port, basic('eva:eva-password')),
  ]
  t.match([ofDan.answer, ofEva.answer], [/^40/, /^40/])
  const { settings } = door
  if (settings === undefined) throw new Error('no settings')
  door.settings = { ...settings, digest: 'without dan', members: [eva] }
  t.match(JSON.parse((await admin('POST', '/reload')).text), { restarted: false })
  await until('the socket of who is gone is closed', ofDan.closed)
  t.equal(ofEva.closed(), false, 'and nobody else’s')
  ofEva.close()
})
