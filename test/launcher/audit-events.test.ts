import { createRequire } from 'node:module'
import t from 'tap'

interface Told {
  readonly event: string
  readonly user?: string
  readonly target?: string
  readonly count?: number
}

const load = createRequire(import.meta.url)
const events: {
  eventOf(message: object): Told | undefined
  bounded(told: Told): Told
} = load('../../launcher/plugins/audit/events.cjs')
const answers: { eventOfAnswer(answer: object): Told | undefined } = load(
  '../../launcher/plugins/audit/answers.cjs',
)
const repeats: {
  createRepeats(parts: object): { readonly record: (told: Told) => void }
} = load('../../launcher/plugins/audit/repeats.cjs')

const olga = { username: 'olga', permissions: '*', password: 'canary' }
const secret = { credentials: { password: 'canary' }, flows: ['canary'], body: 'canary', message: 'canary' }

/** What Node-RED 5 says, and what the trail has of it. */
const cases: readonly (readonly [object, readonly (string | undefined)[] | undefined])[] = [
  [{ event: 'auth.login', user: olga, username: 'olga', client: 'node-red-editor' }, ['sign-in', 'olga']],
  [{ event: 'auth.login.fail.credentials', username: 'olga' }, ['sign-in-refused', 'olga', 'credentials']],
  [{ event: 'auth.login.fail.permissions', username: 'vera' }, ['sign-in-refused', 'vera', 'permissions']],
  [
    { event: 'auth.login.fail.too-many-attempts', username: 'olga' },
    ['sign-in-refused', 'olga', 'too-many-attempts'],
  ],
  [{ event: 'auth.login.fail.oauth', username: 'olga' }, ['sign-in-refused', 'olga', 'oauth']],
  [{ event: 'auth.login.fail.oauth', error: 'it failed' }, ['sign-in-refused', undefined, 'oauth']],
  [{ event: 'auth.login.revoke', user: olga, path: '/auth/revoke' }, ['sign-out', 'olga']],
  [{ event: 'auth.invalid-token' }, undefined],
  [{ event: 'auth.invalid-client', client: 'x' }, undefined],
  [
    { event: 'permission.fail', permissions: 'flows.write', user: olga, path: '/flows' },
    ['access-refused', 'olga', 'flows.write /flows'],
  ],
  [{ event: 'flows.set', type: 'full', user: olga, path: '/flows' }, undefined],
  [{ event: 'flow.add', id: 'a', user: olga, path: '/flow' }, undefined],
  [{ event: 'flows.get', user: olga }, undefined],
  [{ event: 'credentials.get', type: 'mqtt-broker', id: 'b' }, undefined],
  [{ event: 'library.set', type: 'functions', path: 'a/b' }, undefined],
  [
    { event: 'nodes.install', module: 'node-red-x', version: '1.2.3', user: olga },
    ['module-installed', 'olga', 'node-red-x@1.2.3'],
  ],
  [
    { event: 'nodes.install', module: 'node-red-x', tarball: 'x.tgz', user: olga },
    ['module-installed', 'olga', 'node-red-x'],
  ],
  [
    { event: 'nodes.install', module: 'node-red-x', error: 'install_not_allowed', user: olga },
    ['access-refused', 'olga', 'install node-red-x'],
  ],
  [{ event: 'nodes.install', module: 'node-red-x', error: 'not_found', user: olga }, undefined],
  [{ event: 'nodes.install', module: 'node-red-x', error: 404, user: olga }, undefined],
  [
    { event: 'modules.install', module: 'left-pad', version: '1.3.0' },
    ['module-installed', undefined, 'left-pad@1.3.0'],
  ],
  [{ event: 'nodes.remove', module: 'node-red-x', user: olga }, ['module-removed', 'olga', 'node-red-x']],
  [{ event: 'nodes.remove', module: 'node-red-x', error: 'not_found', user: olga }, undefined],
  [
    { event: 'nodes.info.set', id: 'node-red/inject', enabled: false, user: olga },
    ['settings-changed', 'olga', 'nodes node-red/inject off'],
  ],
  [{ event: 'settings.update', username: 'olga' }, ['settings-changed', 'olga', 'preferences in the editor']],
  [
    { event: 'context.delete', scope: 'node', id: 'n', store: 'memory', key: 'k', user: olga },
    ['context-deleted', 'olga', 'node/n/k'],
  ],
  [{ event: 'context.get', scope: 'global', key: 'k', user: olga }, undefined],
  [{ event: 'comms.open' }, undefined],
  [{ event: 'comms.auth.fail' }, undefined],
  [
    { event: 'api.error', error: 'version_mismatch', user: olga, path: '/flows' },
    ['deploy-refused', 'olga', 'version_mismatch'],
  ],
  [
    { event: 'api.error', error: 'deploy_refused', user: olga, path: '/flows' },
    ['deploy-refused', 'olga', 'deploy_refused'],
  ],
  [
    { event: 'api.error', error: 'forbidden', user: olga, path: '/library/local/functions/x' },
    ['access-refused', 'olga', 'forbidden /library/local/functions/x'],
  ],
  [{ event: 'api.error', error: 'unexpected_error', user: olga, path: '/flows' }, undefined],
  [{ event: 'api.error', error: 404, user: olga }, undefined],
  [{ event: 'constructor' }, undefined],
  [{ event: '__proto__' }, undefined],
]

t.test('each of Node-RED’s events in the words of the trail', (t) => {
  for (const [message, expected] of cases) {
    const told = events.eventOf({ level: 98, timestamp: 1, ip: '::1', ...secret, ...message })
    const found = told && events.bounded(told)
    const short = found && [found.event, found.user, ...(found.target === undefined ? [] : [found.target])]
    t.same(short, expected, JSON.stringify(message))
    t.notMatch(JSON.stringify(told) ?? '', /canary/)
  }
  t.end()
})

t.test('what Node-RED’s answers tell', (t) => {
  const asked = { method: 'GET', path: '/flows', status: 200, user: 'olga', credential: true, body: secret }
  const told = (changes: object) => {
    const { event, user, target } = answers.eventOfAnswer({ ...asked, ...changes }) ?? {}
    return event && [event, user, target]
  }
  t.same(told({}), undefined)
  t.same(told({ status: 401 }), ['access-refused', 'olga', 'GET /flows'])
  t.same(told({ status: 403, method: 'DELETE', path: '/flow/a' }), [
    'access-refused',
    'olga',
    'DELETE /flow/a',
  ])
  t.same(told({ status: 401, user: undefined, credential: false }), undefined, 'only looking')
  const stranger = { status: 401, user: undefined, credential: false, method: 'POST' }
  t.same(told(stranger), ['access-refused', undefined, 'POST /flows'])
  t.same(told({ ...stranger, path: '/auth/token' }), undefined, 'the sign-in tells of itself')
  const back = { status: 403, user: undefined, credential: false, path: '/auth/strategy/callback' }
  t.same(told(back), undefined, 'the sign-in tells of itself')
  const node = { path: '/root/credentials/mqtt-broker/b' }
  t.same(told(node), ['credentials-exported', 'olga', 'mqtt-broker/b'])
  t.same(told({ ...node, status: 404 }), undefined)
  const library = { method: 'POST', path: '/library/local/flows/a%20b/%ff' }
  t.same(told(library), ['library-changed', 'olga', 'flows/a%20b/%ff'])
  t.same(told({ ...library, path: '/library/local/flows/a%20b' }), ['library-changed', 'olga', 'flows/a b'])
  const module = { method: 'PUT', path: '/nodes/@scope/x', body: { enabled: false } }
  t.same(told(module), ['settings-changed', 'olga', 'nodes @scope/x off'])
  t.same(told({ ...module, path: '/nodes/x/one' }), undefined, 'the log tells that')
  t.same(told({ method: 'POST', path: '/flows/state', body: { state: 'stop' } }), [
    'settings-changed',
    'olga',
    'flows stop',
  ])
  t.end()
})

t.test('texts are bounded, and no control character gets through', (t) => {
  const long = events.bounded({
    event: 'deploy',
    user: '😀'.repeat(1000),
    target: `a\u0000\u001b[31m\n${'x'.repeat(1e6)}`,
  })
  t.equal(long.user?.length, 128)
  t.equal(long.target?.length, 256)
  t.match(long.target, /^a\ufffd\ufffd\[31m\ufffdx/)
  t.ok(events.bounded({ event: 'deploy', user: `x${'😀'.repeat(100)}` }).user?.isWellFormed())
  const more = { event: 'sign-out', user: '', target: '', ...secret }
  t.same(events.bounded(more), { event: 'sign-out' }, 'and nothing else gets through')
  t.end()
})

t.test('what is repeated is told once, and how often', (t) => {
  const told: Told[] = []
  const ends: (() => void)[] = []
  const { record } = repeats.createRepeats({
    record: (one: Told) => told.push(one),
    later: (end: () => void) => ends.push(end),
  })
  const refused = { event: 'sign-in-refused', user: 'olga', target: 'credentials' }
  for (let each = 0; each < 5; each += 1) record(refused)
  record({ event: 'sign-in-refused', user: 'vera', target: 'credentials' })
  for (let each = 0; each < 2; each += 1) record({ event: 'deploy', user: 'olga', target: 'full' })
  t.equal(told.length, 4)
  t.equal(ends.length, 1)
  ends[0]?.()
  t.same(told.slice(4), [{ ...refused, count: 4 }])
  record(refused)
  t.same(told.at(-1), refused, 'the next window tells it again')
  for (let each = 0; each < 1000; each += 1) record({ ...refused, user: `stranger ${each}` })
  t.equal(told.length, 1006, 'nobody is forgotten, however many there are')
  t.end()
})
