import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import t from 'tap'
import { withoutNginx } from '../../../engines/docker.ts'
import { answeringFlow } from '../../../support/answering-flow.ts'
import { beginInstance, setUpDocker } from '../../../support/docker.ts'
import { startProxy } from '../../../support/nginx-proxy.ts'

/** What a host name is answered at the proxy. `GET`, as a browser sends it. */
async function ask(port: number, host: string, path: string) {
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host } }, async (response) => {
      let body = ''
      for await (const part of response) body += String(part)
      resolve({ status: response.statusCode ?? 0, body })
    })
      .on('error', reject)
      .end()
  })
}

/**
 * What the editor's websocket answers to a token, by way of the proxy. By hand (RFC 6455), since Node.js lets nobody choose
 * the host that its own asks for.
 */
async function greet(port: number, host: string, token: string): Promise<string> {
  const headers = {
    host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    'sec-websocket-version': '13',
  }
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/comms', headers })
    asked.on('error', reject)
    asked.on('response', ({ statusCode }) => reject(new Error(`no websocket at ${host}: ${statusCode}`)))
    asked.on('upgrade', (_, socket) => {
      socket.once('data', (frame: Buffer) => {
        resolve(frame.subarray(2).toString())
        socket.destroy()
      })
      socket.write(textFrame(JSON.stringify({ auth: token })))
    })
    asked.end()
  })
}

/** Up to 125 bytes, masked as a client has to, with a mask of zeros. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}

t.test(
  'a host name leads to its instance, for requests and for the websocket',
  { skip: withoutNginx },
  async (t) => {
    const under = await setUpDocker(t)
    const hosts = { anna: ['anna.example.com', 'a.example.com'], bert: ['bert.example.com'], none: [] }
    for (const [name, hostnames] of Object.entries(hosts)) {
      // The editor of bert is off: no websocket there, so that one that answers is anna's.
      const editor = { enabled: name !== 'bert', title: name }
      const one = await beginInstance(t, under, {
        spec: { name, hostnames, editor, endpoints: { access: 'public' } },
      })
      const token = under.credentials(one.instance).runtimeToken.reveal()
      const settings = under.settings.get(token)
      if (settings === undefined) throw new Error('no settings')
      const nodes = answeringFlow('/who', `'${name}'`)
      under.settings.set(token, { ...settings, flows: { digest: 'f', nodes } })
      await one.create()
      await one.asExpected()
    }

    const { port } = await startProxy(t, under)
    for (const [name, hostnames] of Object.entries(hosts))
      for (const host of hostnames) t.strictSame(await ask(port, host, '/who'), { status: 200, body: name })
    for (const host of hosts.anna) {
      t.match(await ask(port, host, '/'), { status: 200, body: /<title>anna</ })
      t.match(await greet(port, host, 'no token'), /"auth":"fail"/, 'the editor is who answers')
    }
    await t.rejects(greet(port, 'bert.example.com', 'no token'), /no websocket at bert.example.com: 502/)
    t.match(await ask(port, 'none.example.com', '/who'), { status: 503 })
  },
)
