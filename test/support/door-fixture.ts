import { createHmac, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Registry } from 'prom-client'
import type {
  LauncherLogLine,
  LauncherLogPage,
  LauncherSample,
  LauncherState,
  RuntimeSettings,
} from '../../launcher/wire.ts'
import type { DoorDeps } from '../../reconciler/api/deps.ts'
import { createServer } from '../../reconciler/api/server.ts'
import { createAuthenticate } from '../../reconciler/identity/authenticate.ts'
import { hashPassword } from '../../reconciler/identity/passwords.ts'
import { createSignInLimit } from '../../reconciler/identity/rate-limit.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import { Secret } from '../../reconciler/model/secret.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { createLogger } from '../../reconciler/telemetry/logger.ts'
import { createMetrics } from '../../reconciler/telemetry/metrics.ts'
import { canary, createFeed, fleetStatus, now, type Hashes } from './fleet-fixture.ts'

/** Every user signs in with `password of <name>`. Hashed once, at the lowest cost. */
export const users = ['alice', 'victor', 'dora', 'bob', 'nobody', 'root'] as const
const hashed = await Promise.all(
  users.map(async (name) => [name, await hashPassword(`password of ${name}`, { bcrypt: 4 })] as const),
)
export const hashes: Hashes = Object.fromEntries(hashed)

const key = randomBytes(32)

export function derive(purpose: string, subject: string): Secret {
  return new Secret(createHmac('sha256', key).update(`${purpose}\0${subject}`).digest('base64url'))
}

export const instanceToken = 'token-of-instance-press'

export function basic(user: string, password = `password of ${user}`) {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}

export function bearer(token: string) {
  return { authorization: `Bearer ${token}` }
}

export const settings: RuntimeSettings = {
  uid: 'uid-press',
  name: 'press',
  digest: 'digest',
  host: '127.0.0.1',
  port: 12080,
  memory: 268_435_456,
  env: { API_KEY: canary },
  modules: { 'node-red-contrib-x': '1.0.0' },
  allowInstallScripts: false,
  flows: { digest: 'f', nodes: [{ id: 'a', type: 'tab', deep: { nested: [1, null] } }] },
  credentialSecret: canary,
  editor: { enabled: true, title: 'Press' },
  endpoints: { access: 'members' },
  members: [{ username: 'alice', passwordHash: canary, permissions: '*', proof: 'a proof' }],
}

/** What the doors need of tap. */
interface DoorTest {
  testdir(content?: Record<string, never>): string
  teardown(end: () => unknown): void
}

/** The doors over a fleet of the test's own, a real store, and whatever else the test wants to see. */
export async function openDoors(t: DoorTest, more: Partial<DoorDeps> = {}) {
  const clock = { now: () => new Date(now) }
  const store = await openSqliteStore({ file: join(t.testdir({}), 'weir.db'), clock, newId: () => 'fleet-1' })
  await store.allot({
    uid: 'uid-press',
    name: 'press',
    driver: 'localfs',
    tokenSha256: sha256(instanceToken),
  })
  await fillHistory(store)

  const fleet = createFeed(fleetStatus(hashes))
  const reports: LauncherState[] = []
  const logSignals: AbortSignal[] = []
  const registry = new Registry()
  createMetrics(registry)
  const server = await createServer({
    feed: fleet.feed,
    desk: {
      settings: (uid) => (uid === settings.uid ? settings : undefined),
      members: () => undefined,
      report: (_uid, state) => void reports.push(state),
    },
    store,
    logs: (uid, options, signal) => {
      logSignals.push(signal)
      return uid === 'uid-press' ? lines(options, signal) : undefined
    },
    logPage: (uid, options) => (uid === 'uid-press' ? page(options) : undefined),
    samples: (uid, since) => (uid === 'uid-press' ? samples(since) : undefined),
    authenticate: createAuthenticate({
      desired: () => fleet.feed.current().desired,
      limit: createSignInLimit({ store, clock }),
      derive,
      clock,
    }),
    metrics: registry,
    log: createLogger({ level: 'silent' }),
    clock,
    urlOf: (entry) => `http://127.0.0.1:${entry.port}/`,
    ...more,
  })
  t.teardown(async () => {
    await server.close()
    await store[Symbol.asyncDispose]()
  })
  return { server, store, reports, logSignals, ...fleet }
}

async function fillHistory(store: Awaited<ReturnType<typeof openSqliteStore>>): Promise<void> {
  const step = { planId: 'plan', revision: 'rev', action: 'update', startedAt: now } as const
  for (const name of ['press', 'wrapper', 'press'])
    await store.endAction(await store.beginAction({ ...step, uid: `uid-${name}`, name }), {
      endedAt: now,
      outcome: 'applied',
    })
  await store.beginAction({ ...step, uid: 'uid-of-an-older-press', name: 'press' })
  await store.addReconciliation({
    planId: 'plan',
    revision: 'rev',
    author: 'Alice',
    subject: 'Add a press',
    cause: 'source',
    startedAt: now,
    endedAt: now,
    outcome: 'converged',
    headline: 'updates 2 instances',
  })
}

async function page({ cursor = '', limit }: { cursor?: string; limit: number }): Promise<LauncherLogPage> {
  const line = { id: '1764076689000123', at: now, source: 'node-red', level: 'warn', text: cursor } as const
  return { lines: Array.from({ length: limit }, () => line), next: line.id, previous: `-${line.id}` }
}

async function samples(since = ''): Promise<readonly LauncherSample[]> {
  const numbers = { cpu: 0.5, memory: 1e8, loopDelayMean: 0.1, loopDelayP99: 2, sent: 10, received: 4 }
  return since === now ? [] : [{ at: now, ...numbers }]
}

async function* lines(
  { tail, follow }: { readonly tail: number; readonly follow: boolean },
  signal: AbortSignal,
): AsyncGenerator<LauncherLogLine> {
  for (let index = 0; index < Math.min(tail, 3); index++)
    yield { at: now, source: 'node-red', text: `line ${index}` }
  for (let index = 0; index < (follow ? Infinity : 0); index++) {
    yield { at: now, source: 'launcher', text: `news ${index}` }
    await wait(5, undefined, { signal })
  }
}
