import { createHash } from 'node:crypto'
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hashPassword } from '../../reconciler/identity/passwords.ts'
import { openFleetKey } from '../../reconciler/secrets/fleet-key.ts'
import { bytesOf, createCanaries, type Canaries } from '../support/canaries.ts'
import { asRecord, end, instanceManifest, setUpFleet, type FleetUnderTest } from '../support/fleet.ts'
import { freePortPair } from '../support/free-port.ts'
import { serveGit, type GitHttpServer } from '../support/git-http-server.ts'
import { runReconcile } from '../support/program.ts'
import { until } from '../support/until.ts'

const known = {
  'a secret file': 'canary-file-7d1c5b',
  'a changed secret file': 'canary-anew-2f9e4a',
  'the password in the URL': 'canary-userinfo-91ab',
  'the password in the file of credentials': 'canary-credentials-c03d',
  'a password': 'canary-password-5e77',
  'a mistaken password': 'canary-mistaken-08fa',
  'a read token': 'canary-read-token-66d2',
  'a password where its hash belongs': 'canary-plain-hash-b1b1',
  'a token where its hash belongs': 'canary-plain-token-a9a9',
  'a value where the name of a secret belongs': 'canary-plain-value-3c3c',
} as const
type Known = keyof typeof known

/** Prints its environment to its console, then ends Node-RED. */
const crash = JSON.stringify([
  { id: 'tab1', type: 'tab', label: 'crash' },
  {
    id: 'in1',
    type: 'inject',
    z: 'tab1',
    once: true,
    onceDelay: 0.1,
    repeat: '',
    props: [],
    wires: [['fn1']],
  },
  {
    id: 'fn1',
    type: 'function',
    z: 'tab1',
    func: "Promise.reject(new Error('crashed with ' + env.get('API_KEY')))",
    wires: [[]],
  },
])

const reads = (secret: string) => `env: [ { name: API_KEY, valueFrom: { secret: ${secret} } } ]`

interface Scene {
  readonly fleet: FleetUnderTest
  readonly canaries: Canaries
  readonly http: GitHttpServer
  /** Nothing of what was seen may hold a canary. */
  readonly clean: (what: string, content: string) => void
  readonly configure: (source: string) => Promise<void>
  readonly dry: (...args: string[]) => ReturnType<FleetUnderTest['run']>
}

/** A fleet whose source is an HTTP server that wants a password, and says it again in every refusal. */
async function setUp(t: Test): Promise<Scene> {
  const fleet = await setUpFleet(t)
  const canaries = createCanaries()
  for (const [name, value] of Object.entries(known)) canaries.add(name, value)
  const http = await serveGit(t, fleet.repository.directory.replace(/\/[^/]+$/, ''))
  const allowed = ['the password in the URL', 'the password in the file of credentials'] as const
  http.intercept = ({ headers }, response) => {
    const [, basic = ''] = (headers.authorization ?? '').split(' ')
    const text = Buffer.from(basic, 'base64').toString()
    if (allowed.some((name) => text === `git:${known[name]}`)) return false
    const refusal = { 'www-authenticate': 'Basic realm="git"', 'content-type': 'text/plain' }
    response.writeHead(401, refusal).end(`no: ${headers.authorization} ${text}`)
    return true
  }
  await writeFile(join(fleet.secrets, 'api-key'), `${known['a secret file']}\n`)
  const rest = (await readFile(fleet.config, 'utf8')).replace(/^source:.*\n/, '')
  const configure = async (source: string) =>
    writeFile(
      fleet.config,
      `source: { interval: 300ms, allow: [http], ${source} }\nlog: { level: trace }\n${rest}`,
    )
  await writePlatform(fleet)
  const clean = (what: string, content: string) => t.same(canaries.in(content), [], what)
  const dry = async (...args: string[]) => {
    const result = await fleet.run('--dry-run', ...args)
    clean(`dry run ${args.join(' ')}`, result.stdout + result.stderr)
    return result
  }
  return { fleet, canaries, http, clean, configure, dry }
}

async function writePlatform({ repository }: FleetUnderTest): Promise<void> {
  const hash = await hashPassword(known['a password'], { bcrypt: 4 })
  const sha256 = createHash('sha256').update(known['a read token']).digest('hex')
  const text = await readFile(join(repository.directory, 'platform.yaml'), 'utf8')
  await repository.write(
    'platform.yaml',
    text
      .replace(
        /passwordHash: ".*" \}/,
        `passwordHash: "${hash}", tokens: [ { name: ci, sha256: ${sha256} } ] }`,
      )
      .replaceAll(
        /passwordHash: ".*" \}\n---\napiVersion: weir\/v1\nkind: Team/g,
        `passwordHash: "${hash}" }\n---\napiVersion: weir/v1\nkind: Team`,
      ),
  )
  await repository.write('crash.json', crash)
  await repository.write('steady.yaml', instanceManifest('steady', reads('api-key')))
  await repository.write(
    'crasher.yaml',
    instanceManifest('crasher', `${reads('api-key')}, flows: { path: crash.json }`),
  )
}

const withUserinfo = ({ http }: Scene, password: string) =>
  `url: "http://git:${password}@${new URL(http.origin).host}/repository"`

/** Every route as everybody who may come: all that the doors answer. */
async function everyAnswer({ fleet, clean }: Scene, instanceToken: string): Promise<void> {
  const basic = (user: string, password: string) =>
    `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const guests: Readonly<Record<string, string | undefined>> = {
    nobody: undefined,
    alice: basic('alice', known['a password']),
    bob: basic('bob', known['a password']),
    'bob, mistaken': basic('bob', known['a mistaken password']),
    stranger: basic('mallory', known['a mistaken password']),
    token: `Bearer ${known['a read token']}`,
    'unknown token': `Bearer ${known['a mistaken password']}`,
    instance: `Bearer ${instanceToken}`,
  }
  const api = [
    'fleet',
    'teams',
    'teams/line',
    'users',
    'users/alice',
    'users/bob',
    'instances',
    'instances/steady',
  ]
  const more = [
    'instances/crasher',
    'instances/steady/logs',
    'plan',
    'history',
    'journal',
    'state',
    'openapi.json',
  ]
  const paths = [...api, ...more]
    .map((path) => `/api/v1/${path}`)
    .concat('/metrics', '/healthz', '/readyz', '/nothing')
  for (const [guest, authorization] of Object.entries(guests)) {
    const headers = authorization === undefined ? {} : { authorization }
    const answers = await Promise.all(
      paths.map(async (path) => {
        const answer = await fetch(`${fleet.url}${path}`, { headers })
        return `${path} ${answer.status} ${JSON.stringify([...answer.headers])}\n${await answer.text()}`
      }),
    )
    for (const answer of answers) clean(`${guest}: ${answer.split(' ', 2).join(' ')}`, answer)
    if (guest !== 'instance') {
      const settings = await fetch(`${fleet.url}/runtime/v1/settings`, { headers })
      t.not(settings.status, 200)
      clean(`${guest}: settings`, await settings.text())
    }
  }
}

async function instanceUids({ data }: FleetUnderTest): Promise<readonly string[]> {
  const entries = await readdir(join(data, 'instances'), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

/** What only the fleet itself knows becomes a canary as soon as it exists. Returns a runtime token. */
async function learnDerived({ fleet, canaries }: Scene): Promise<string> {
  const key = await openFleetKey(join(fleet.data, 'fleet.key'), { create: false })
  if (key === undefined) throw new Error('no fleet key')
  canaries.add('fleet.key', key.reveal().toString('hex'))
  canaries.add('fleet.key', (await readFile(join(fleet.data, 'fleet.key'), 'utf8')).trim())
  const tokens: string[] = []
  for (const uid of await instanceUids(fleet)) {
    const text = await readFile(join(fleet.data, 'instances', uid, 'launcher.json'), 'utf8')
    const bootstrap = asRecord(JSON.parse(text)) ?? {}
    canaries.add(`the runtime token of ${uid}`, String(bootstrap['runtimeToken']))
    canaries.add(`the admin token of ${uid}`, String(bootstrap['adminToken']))
    const settings = await readFile(join(fleet.data, 'instances', uid, 'settings.json'), 'utf8')
    const credentialKey = asRecord(JSON.parse(settings))?.['credentialSecret']
    canaries.add(`the credential secret of ${uid}`, String(credentialKey))
    tokens.push(String(bootstrap['runtimeToken']))
  }
  return tokens[0] ?? ''
}

async function scanMachine({ fleet, canaries, clean }: Scene, t: Test): Promise<void> {
  const { data } = fleet
  const exempt = ['instances', 'stacks', 'fleet.key'].map((name) => join(data, name))
  t.same(await canaries.inFiles(data, exempt), [], 'files of the reconciler')
  clean('the log of serve', await readFile(join(data, '../serve.log'), 'utf8'))
  for (const uid of await instanceUids(fleet))
    t.equal((await stat(join(data, 'instances', uid))).mode & 0o777, 0o700)
  t.equal((await stat(join(data, 'fleet.key'))).mode & 0o777, 0o600)
  for (const { pid } of await fleet.launchers())
    t.same(canaries.in(bytesOf(`/proc/${pid}/environ`)), [], 'the environment of a launcher')
}

t.test('no secret is seen where it does not belong', { timeout: 280_000 }, async (t) => {
  const scene = await setUp(t)
  const { fleet, canaries, clean, configure, dry } = scene
  const { repository } = fleet
  await repository.commit('Two instances with a secret')
  const watch = canaries.watchProcesses()
  t.teardown(() => watch.stop())

  const wrong: Known = 'a mistaken password'
  await configure(withUserinfo(scene, known[wrong]))
  t.match(await dry(), { code: 1, stderr: /wants other credentials/ })
  await configure('url: "http://git:canary-userinfo-91ab@127.0.0.1:9/repository"')
  t.match(await dry(), { code: 1, stderr: /^error: cannot read/ })
  const credentials = join(fleet.data, '../credentials')
  await writeFile(credentials, `git:${known['the password in the file of credentials']}\n`)
  await configure(`url: "${scene.http.origin}/repository", credentials: credentials`)
  t.match(await dry(), { code: 2, stdout: /create/ })
  const validated = await fleet.run('validate', '--output', 'json')
  t.equal(validated.code, 0)
  clean('validate', validated.stdout + validated.stderr)

  await configure(withUserinfo(scene, known['the password in the URL']))
  const server = await fleet.serve()
  const weir = (...args: string[]) => runReconcile([...args], { env: { WEIR_TOKEN: known['a read token'] } })
  const fleetAnswer = async (path: string) => {
    const headers = { authorization: `Bearer ${known['a read token']}` }
    const answer = await fetch(`${fleet.url}/api/v1/${path}`, { headers }).catch(() => undefined)
    return answer?.ok === true ? asRecord(await answer.json()) : undefined
  }
  const view = async (name: string) => fleetAnswer(`instances/${name}`)
  const ready = async (name: string) =>
    until(`${name} is ready`, async () => (await view(name))?.['ready'] === true)
  await ready('steady')
  await until('crasher has crashed', async () => (await view('crasher'))?.['phase'] === 'crashed')
  const instanceToken = await learnDerived(scene)

  await t.test('a changed secret is told as changed', async (t) => {
    await end(server, 'SIGTERM')
    await writeFile(join(fleet.secrets, 'api-key'), known['a changed secret file'])
    for (const output of ['text', 'json', 'markdown']) {
      const result = await dry('--output', output)
      t.equal(result.code, 2)
      t.match(result.stdout, output === 'json' ? /"secret": "changed"/ : /secret changed/)
      t.notMatch(result.stdout, /fingerprint|\b[0-9a-f]{32}\b/, 'and without its fingerprint')
    }
    await fleet.serve()
    await ready('steady')
  })

  await t.test('a missing secret holds its instance alone', async (t) => {
    await repository.write('lost.yaml', instanceManifest('lost', reads('absent')))
    const port = await freePortPair()
    const blocker = createServer().listen(port, '127.0.0.1')
    t.teardown(() => blocker.close())
    await repository.write('blocked.yaml', instanceManifest('blocked', `${reads('api-key')}, port: ${port}`))
    await repository.write('late.yaml', instanceManifest('late'))
    await repository.commit('One that lacks a secret, one whose port is taken, one that is well')
    t.match(await dry(), { stderr: /warning: "lost" needs the secret "absent"/ })
    await ready('late')
    const lost = await until('lost is held', async () => {
      const found = await view('lost')
      return JSON.stringify(found?.['conditions'] ?? '').includes('needs the secret') ? found : undefined
    })
    t.not(lost['ready'], true)
    t.match(JSON.stringify(lost['conditions']), /MissingSecret.*absent/)
    const blocked = await until('blocked has failed', async () => {
      const found = JSON.stringify((await view('blocked')) ?? {})
      return found.includes(String(port)) && /in use|taken|EADDRINUSE|False/.test(found) && found
    })
    clean('what is said of the instance whose port is taken', blocked)
  })

  await t.test('secrets typed in the wrong place', async (t) => {
    const mistakes = [
      `kind: User\nmetadata: { name: eve }\nspec: { passwordHash: ${known['a password where its hash belongs']} }`,
      `kind: User\nmetadata: { name: eve }\nspec: { password: ${known['a password where its hash belongs']} }`,
      `kind: User\nmetadata: { name: eve }\nspec: { tokens: [ ${known['a token where its hash belongs']} ] }`,
      `kind: User\nmetadata: { name: eve }\nspec: { tokens: ${known['a token where its hash belongs']} }`,
      `kind: User\nmetadata: { name: eve }\nspec: { tokens: [ { name: ci, sha256: ${known['a token where its hash belongs']} } ] }`,
      ...[
        `[ { name: KEY, valueFrom: ${known['a value where the name of a secret belongs']} } ]`,
        `[ { name: KEY, valueFrom: { secret: "${known['a value where the name of a secret belongs']} /" } } ]`,
        `[ "KEY=${known['a value where the name of a secret belongs']}" ]`,
        `"KEY=${known['a value where the name of a secret belongs']}"`,
        `{ KEY: ${known['a value where the name of a secret belongs']} }`,
      ].map(
        (env) =>
          `kind: Instance\nmetadata: { name: eve }\nspec: { team: line, stack: node-red-5, env: ${env} }`,
      ),
      `kind: User\nmetadata: { name: eve }\nspec: { passwordHash: "${known['a password where its hash belongs']}" ]`,
      `kind: User\nmetadata: { name: eve }\nspec: { passwordHash: *${known['a password where its hash belongs']} }`,
    ]
    for (const [index, mistake] of mistakes.entries())
      await repository.write(`mistakes/m${index}.yaml`, `apiVersion: weir/v1\n${mistake}\n`)
    await repository.commit('Secrets in the wrong places')
    for (const output of ['text', 'json', 'github']) {
      const result = await fleet.run('validate', '--output', output)
      t.equal(result.code, 2)
      for (const index of mistakes.keys()) t.match(result.stdout, `mistakes/m${index}.yaml`)
      clean(`validate ${output}`, result.stdout + result.stderr)
    }
    t.equal((await dry()).code, 1)
    const revision = await repository.git('rev-parse', 'HEAD')
    await until('serve has read it', async () =>
      JSON.stringify((await fleetAnswer('fleet')) ?? '').includes(revision),
    )
  })

  await t.test('nowhere', async (t) => {
    await learnDerived(scene)
    await everyAnswer(scene, instanceToken)
    const against = await weir('--dry-run', '--against', fleet.url, '--config', fleet.config)
    clean('against', against.stdout + against.stderr)
    for (const args of [['status'], ['logs', 'steady']]) {
      const result = await weir(...args, '--url', fleet.url)
      clean(args.join(' '), result.stdout + result.stderr)
    }
    await rm(join(repository.directory, 'mistakes'), { recursive: true })
    scene.http.intercept = (_request, response) => {
      response.writeHead(500).end(`broken: ${known['the password in the URL']}`)
      return true
    }
    await until('serve says that it cannot read the source', async () =>
      JSON.stringify((await fleetAnswer('fleet')) ?? '').includes('source-unreachable'),
    )
    t.match(await dry(), { code: 1 })
    await everyAnswer(scene, instanceToken)
    await scanMachine(scene, t)
    t.same(watch.stop(), [], 'command lines of processes')
  })
})
