import { join } from 'node:path'
import t from 'tap'
import { ConfigError, loadConfig, type Flags } from '../reconciler/config.ts'

async function configure(content: string, flags: Flags = {}) {
  const folder = t.testdir({ etc: { 'weir.yaml': content } })
  return { folder, config: await loadConfig({ config: 'etc/weir.yaml', ...flags }, folder) }
}

t.test('without a file', async (t) => {
  const config = await loadConfig({}, '/srv')
  t.match(config, {
    source: { url: '/srv', interval: 30_000, allow: ['https', 'ssh'] },
    data: '/srv/var',
    listen: { host: '127.0.0.1', port: 3000 },
    driver: 'localfs',
    concurrency: 4,
    maxDeletions: 0.25,
    localfs: { firstPort: 12_080, host: '127.0.0.1', allowInstallScripts: false },
    logLevel: 'info',
    trustProxy: [],
    identity: { issuer: 'http://127.0.0.1:3000/identity', sessionHours: 12, upstream: undefined },
  })
})

t.test('how people sign in', async (t) => {
  const { folder, config } = await configure(`listen: 0.0.0.0:8080
trustProxy: [127.0.0.1, 10.0.0.0/8, "fd00::/8"]
identity:
  sessionHours: 8
  upstream: { issuer: https://login.example.com/realm, clientId: weir, clientSecret: upstream-secret }
`)
  t.strictSame(config.trustProxy, ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'])
  t.strictSame(config.identity, {
    issuer: 'http://127.0.0.1:8080/identity',
    sessionHours: 8,
    upstream: {
      issuer: 'https://login.example.com/realm',
      clientId: 'weir',
      clientSecret: join(folder, 'etc/upstream-secret'),
      displayName: 'login.example.com',
    },
  })
  for (const [wrong, message] of [
    ['trustProxy: [10.0.0.0/33]', /trustProxy: "10.0.0.0\/33" is no address or network/],
    ['trustProxy: [localhost]', /trustProxy/],
    ['identity: { issuer: "https://weir.example.com/" }', /identity/],
    ['identity: { issuer: "https://user@weir.example.com/identity" }', /identity/],
    ['identity: { issuer: "https://[/identity" }', /identity.issuer: .* is no URL/],
    ['identity: { issuer: "https://weir.example.com/identity", sessionHours: 0 }', /sessionHours/],
    ['identity: { upstream: { issuer: "https://login.example.com" } }', /clientId/],
  ] as const)
    await t.rejects(configure(wrong), message, wrong)
})

t.test('paths of the file are relative to it, paths of flags to where one stands', async (t) => {
  const content =
    'source: { url: ./fleet, sshKey: key, credentials: /run/token }\ndata: state\nsecrets: ../secrets\nkey: ../master/fleet.key\n'
  const { folder, config } = await configure(content)
  t.equal(config.source.url, join(folder, 'etc/fleet'))
  t.equal(config.source.sshKey, join(folder, 'etc/key'))
  t.equal(config.source.credentials, '/run/token')
  t.equal(config.data, join(folder, 'etc/state'))
  t.equal(config.secrets, join(folder, 'secrets'))
  t.equal(config.key, join(folder, 'master/fleet.key'))
  const flagged = await configure(content, { source: 'here', data: 'there', branch: 'b', path: 'p' })
  t.match(flagged.config.source, { url: join(flagged.folder, 'here'), branch: 'b', path: 'p' })
  t.equal(flagged.config.data, join(flagged.folder, 'there'))
})

t.test('what is no path stays as it is, for the source to judge', async (t) => {
  for (const source of [
    'https://example.com/a.git',
    'git@example.com:a.git',
    'ext::sh -c x',
    '-x',
    'file:///x',
  ])
    t.equal((await loadConfig({ source }, '/srv')).source.url, source)
})

t.test('listen', async (t) => {
  const listen = async (text: string) => (await loadConfig({ listen: text }, '/srv')).listen
  t.strictSame(await listen('0.0.0.0:80'), { host: '0.0.0.0', port: 80 })
  t.strictSame(await listen('[::1]:3000'), { host: '::1', port: 3000 })
  t.strictSame(await listen('localhost:0'), { host: 'localhost', port: 0 })
  for (const wrong of [
    '3000',
    'localhost',
    'localhost:',
    ':3000',
    '::1:3000',
    '[::1:3000',
    'localhost:65536',
    'a:b',
    '',
  ])
    await t.rejects(listen(wrong), ConfigError, wrong)
})

t.test('docker: where the engine is, and what containers are given', async (t) => {
  t.equal((await configure('data: x')).config.docker, undefined)
  const of = async (docker: string) =>
    (await configure(`listen: 0.0.0.0:3000\ndocker: ${docker}`)).config.docker
  t.strictSame(await of('{}'), {
    engine: { kind: 'socket', path: '/var/run/docker.sock' },
    network: 'weir',
    image: 'weir-instance',
    pull: 'never',
    registries: [],
    runtimeUrl: 'http://host.docker.internal:3000',
    log: { maxSize: '10m', maxFiles: 3 },
    allowInstallScripts: false,
  })
  const files = '{ ca: /ca, cert: /cert, key: /key }'
  t.match(await of(`{ host: "tcp://engine:2376", tls: ${files}, log: { maxFiles: 5 } }`), {
    engine: { kind: 'tls', host: 'engine', port: 2376, ca: '/ca', cert: '/cert', key: '/key' },
    log: { maxSize: '10m', maxFiles: 5 },
  })
  t.match(await of('{ host: "ssh://weir@engine:2222", sshKey: /key, knownHosts: /known }'), {
    engine: { kind: 'ssh', target: 'weir@engine', port: 2222, key: '/key', knownHosts: '/known' },
  })
  const behind = await configure('driver: docker\ndocker: { runtimeUrl: "http://reconciler:3000" }')
  t.equal(behind.config.docker?.runtimeUrl, 'http://reconciler:3000')
})

t.test('it cannot be changed', async (t) => {
  const config = await loadConfig({}, '/srv')
  for (const part of [config, config.source, config.source.allow, config.listen, config.localfs])
    t.ok(Object.isFrozen(part))
})

const mistakes: readonly (readonly [string, RegExp])[] = [
  ['dataa: x', /no field "dataa".*did you mean "data"/],
  ['source: {}', /source lacks the field "url"/],
  ['source: { url: x, interval: soon }', /source\.interval is "soon"/],
  ['source: { url: x, allow: [ext] }', /source\.allow\[0\] is "ext", expected one of/],
  ['listen: 3000', /listen is 3000/],
  ['listen: nowhere', /listen is "nowhere"/],
  ['driver: podman', /driver is "podman", expected one of localfs, docker/],
  ['driver: docker', /containers cannot reach 127\.0\.0\.1.*172\.17\.0\.1:3000.*docker\.runtimeUrl/],
  ['listen: 0.0.0.0:3000\ndocker: { host: "tcp://engine:2376" }', /docker\.tls.*ca, cert and key/],
  ['docker: { host: "tcp://engine" }', /docker\.host is "tcp:\/\/engine"/],
  ['listen: 0.0.0.0:3000\ndocker: { host: "ssh://-oProxyCommand=x" }', /docker\.host: .* names no engine/],
  ['concurrency: 0', /concurrency is 0, expected a number from 1 up/],
  ['policy: { maxDeletions: 101% }', /policy\.maxDeletions is "101%"/],
  ['localfs: { firstPort: 80 }', /localfs\.firstPort is 80/],
  ['log: { level: loud }', /log\.level is "loud"/],
  ['- a', /the document is a list/],
  ['a: [', /weir\.yaml:1:\d+/],
  ['data: a\ndata: b', /weir\.yaml:2:1.*unique/],
  ['schedule: often', /schedule/],
  ['a: &a [x]\nb: [*c]', /weir\.yaml.*alias/i],
]
for (const [content, message] of mistakes)
  t.test(content, async (t) => {
    const error = await configure(content).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.type(error, ConfigError)
    t.match(error, { message })
    t.match(error, { message: /weir\.yaml/ })
  })

t.test('all mistakes at once, and no file', async (t) => {
  await t.rejects(configure('dataa: x\nconcurrency: 0'), { message: /dataa[^]*\n[^]*concurrency/ })
  await t.rejects(loadConfig({ config: 'nowhere.yaml' }, '/srv'), {
    message: /\/srv\/nowhere\.yaml: cannot be read/,
  })
})

t.test('where the store is', async (t) => {
  t.strictSame((await loadConfig({ data: 'state' }, '/srv')).store, {
    kind: 'sqlite',
    file: '/srv/state/weir.db',
  })
  const storeOf = async (store: string) => {
    const { folder, config } = await configure(`store: "${store}"`)
    return [config.store, join(folder, 'etc')] as const
  }
  const [beside, etc] = await storeOf('sqlite:fleet.db')
  t.strictSame(beside, { kind: 'sqlite', file: join(etc, 'fleet.db') })
  t.match(await storeOf('sqlite:///var/fleet.db'), [{ file: '/var/fleet.db' }])
  const remote = { kind: 'postgres', host: 'db.example.com', port: 5432, database: 'weir', user: 'we ir' }
  t.strictSame(
    await storeOf('postgres://we%20ir@db.example.com/weir?passwordFile=secret&sslrootcert=/ca.pem'),
    [
      {
        ...remote,
        passwordFile: join(etc, 'secret'),
        tls: 'verified',
        ca: '/ca.pem',
        pool: 10,
        statementTimeout: 30_000,
      },
      etc,
    ],
  )
  t.match(await storeOf('postgresql://weir@127.0.0.1:5433/weir'), [{ port: 5433, tls: 'off' }])
  t.match(await storeOf('postgres://weir@[::1]/weir?pool=2&statementTimeout=5'), [
    { host: '::1', tls: 'off', pool: 2, statementTimeout: 5000 },
  ])
  t.match(await storeOf('postgres://weir@db/weir?sslmode=disable'), [{ tls: 'off' }])
  for (const [wrong, message] of [
    ['mysql://weir@db/weir', /store: expected sqlite:FILE or postgres:/],
    ['sqlite:', /store: expected/],
    ['postgres://db/weir', /needs a user/],
    ['postgres://weir@db', /needs a user, a host and a database/],
    ['postgres://weir:canary@db/weir', /store: a password must not stand in it.*passwordFile=FILE/],
    ['postgres://weir@db/weir?sslmode=require', /not proven who it is/],
    ['postgres://weir@db/weir?sslmode=disable&sslrootcert=x', /contradict/],
    ['postgres://weir@db/weir?password=canary', /the parameter password is not one of/],
    ['postgres://weir@db/weir?pool=0', /pool is a whole number from 1 to 100/],
    ['postgres://weir@db:x/weir', /no URL/],
  ] as const) {
    const error: unknown = await storeOf(wrong).catch((caught: unknown) => caught)
    t.type(error, ConfigError)
    t.match(String(error), message)
    t.notMatch(String(error), /canary/)
  }
})
