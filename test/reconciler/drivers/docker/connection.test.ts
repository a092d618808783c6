import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createServer } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connectEngine } from '../../../../reconciler/drivers/docker/connection.ts'
import type { EngineAddress } from '../../../../reconciler/model/engine-address.ts'
import { createEngine } from '../../../../reconciler/drivers/docker/engine.ts'
import { sshArguments } from '../../../../reconciler/drivers/docker/ssh-agent.ts'
import { isPortHeld } from '../../../../reconciler/drivers/localfs/ports.ts'
import { instanceImage, withoutDocker, withoutSshd } from '../../../engines/docker.ts'
import { docker as cli } from '../../../support/docker-cli.ts'
import { freePortPair } from '../../../support/free-port.ts'
import { until } from '../../../support/until.ts'

const run = promisify(execFile)
const { signal } = new AbortController()
const look = async (connection: EngineAddress) =>
  createEngine(connectEngine(connection)).list({ 'weir.uid': 'nobody' }, signal)

async function folderOf(t: Test): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'weir-connection-')))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

/** A key and a certificate, of its own authority or of a given one. */
async function certify(folder: string, name: string, authority?: string): Promise<void> {
  const file = (ending: string) => join(folder, `${name}.${ending}`)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key')]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1']
  const by =
    authority === undefined
      ? []
      : ['-CA', join(folder, `${authority}.pem`), '-CAkey', join(folder, `${authority}.key`)]
  await run('openssl', ['req', '-x509', ...key, ...subject, ...by, '-out', file('pem')])
}

t.test('a socket, or an engine that is not there', { skip: withoutDocker }, async (t) => {
  t.strictSame(await look({ kind: 'socket', path: '/var/run/docker.sock' }), [])
  await t.rejects(look({ kind: 'socket', path: '/nowhere/docker.sock' }), {
    name: 'DriverError',
    reason: 'EngineUnreachable',
  })
})

t.test(
  'TLS, to an engine of our authority, which wants a certificate of ours',
  { skip: withoutDocker },
  async (t) => {
    const folder = await folderOf(t)
    await certify(folder, 'authority')
    await certify(folder, 'engine', 'authority')
    await certify(folder, 'reconciler', 'authority')
    await certify(folder, 'stranger')
    const path = (name: string) => join(folder, name)
    const [ca, cert, key] = ['authority.pem', 'engine.pem', 'engine.key'].map((name) =>
      readFileSync(path(name)),
    )
    const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (near) => {
      const far = connect('/var/run/docker.sock')
      near.pipe(far).pipe(near)
      near.on('error', () => far.destroy())
      far.on('error', () => near.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => new Promise((resolve) => server.close(resolve)))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const by = (name: string, authority: string): EngineAddress => ({
      kind: 'tls',
      host: '127.0.0.1',
      port,
      ca: path(`${authority}.pem`),
      cert: path(`${name}.pem`),
      key: path(`${name}.key`),
    })
    t.strictSame(await look(by('reconciler', 'authority')), [])
    await t.rejects(look(by('stranger', 'authority')), { name: 'DriverError' })
    await t.rejects(look(by('reconciler', 'stranger')), { name: 'DriverError' })
  },
)

const sshd = '/usr/sbin/sshd'

/** An ssh server of this machine, which knows one key. */
async function sshServer(t: Test): Promise<(knownHosts: string) => EngineAddress> {
  const folder = await folderOf(t)
  for (const name of ['host', 'user', 'other'])
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  const port = await freePortPair()
  await writeFile(join(folder, 'authorized'), readFileSync(join(folder, 'user.pub')))
  await chmod(join(folder, 'authorized'), 0o600)
  const known = (key: string) => `[127.0.0.1]:${port} ${readFileSync(join(folder, `${key}.pub`), 'utf8')}`
  await writeFile(join(folder, 'known'), known('host'))
  await writeFile(join(folder, 'wrong'), known('other'))
  await writeFile(
    join(folder, 'sshd_config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${join(folder, 'authorized')}
StrictModes no
UsePAM no
PidFile none
`,
  )
  // It wants a folder that Debian makes when it starts the service.
  await mkdir('/run/sshd', { recursive: true })
  const server = spawn(sshd, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' })
  t.teardown(() => server.kill())
  const by = (knownHosts: string): EngineAddress => ({
    kind: 'ssh',
    target: 'root@127.0.0.1',
    port,
    key: join(folder, 'user'),
    knownHosts: join(folder, knownHosts),
  })
  await until('it listens', () => isPortHeld('127.0.0.1', port, signal))
  return by
}

t.test('ssh, to a machine that is known', { skip: withoutSshd }, async (t) => {
  const by = await sshServer(t)
  t.strictSame(await look(by('known')), [])
  await t.rejects(look(by('wrong')), { name: 'DriverError', reason: 'EngineUnreachable' })
})

const called =
  'by ssh, what is told for long is in the way of no call, and a call that waits for its turn can be given up'
t.test(called, { skip: withoutSshd }, async (t) => {
  const docker = connectEngine((await sshServer(t))('known'))
  const engine = createEngine(docker)
  const held: NodeJS.ReadableStream[] = []
  t.teardown(() => {
    for (const stream of held) if (stream instanceof Readable) stream.destroy()
  })
  for (let count = 0; count < 8; count += 1) held.push(await docker.getEvents())
  t.strictSame(await engine.list({ 'weir.uid': 'nobody' }, signal), [])

  const silent = await docker.createContainer({ Image: instanceImage })
  t.teardown(() => cli('rm', '--force', silent.id))
  for (let count = 0; count < 8; count += 1) held.push(await silent.attach({ stream: true, stdout: true }))
  await t.rejects(engine.list({ 'weir.uid': 'nobody' }, AbortSignal.timeout(300)), { name: 'TimeoutError' })
})

t.test('ssh asks nobody, and takes no option for a machine', async (t) => {
  const words = sshArguments({ target: 'weir@engine', port: 2222, key: '/key', knownHosts: '/known' })
  t.match(
    words.join(' '),
    /BatchMode=yes .*ServerAliveInterval=15 .*ServerAliveCountMax=3 .*-i \/key .*UserKnownHostsFile=\/known .*StrictHostKeyChecking=yes .*-p 2222/,
  )
  t.strictSame(words.slice(-5), ['--', 'weir@engine', 'docker', 'system', 'dial-stdio'])
  t.notMatch(sshArguments({ target: 'engine' }).join(' '), /-i |-p /)
})
