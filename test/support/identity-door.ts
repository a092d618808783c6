import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import * as oidc from 'openid-client'
import { createServer } from '../../reconciler/api/server.ts'
import { createAuthenticate } from '../../reconciler/identity/authenticate.ts'
import { createIdentity, type IdentityDeps } from '../../reconciler/identity/identity.ts'
import { createSignInLimit } from '../../reconciler/identity/rate-limit.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import { instanceUrls } from '../../reconciler/model/instance-urls.ts'
import type { InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { FleetStatus } from '../../reconciler/status/fleet-status.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { createLogger } from '../../reconciler/telemetry/logger.ts'
import { createBrowser, type Browser, type Page } from './browse.ts'
import { derive, hashes } from './door-fixture.ts'
import { createFeed, fleetStatus } from './fleet-fixture.ts'
import { freePortPair } from './free-port.ts'

export interface DoorOptions extends Partial<
  Pick<IdentityDeps, 'issuer' | 'sessionHours' | 'upstream' | 'beginLimit'>
> {
  readonly port?: number
  /** The folder of the store. Default: a new one. */
  readonly folder?: string
  readonly trustProxy?: readonly string[]
  readonly status?: FleetStatus
}

interface DoorTest {
  testdir(content?: Record<string, never>): string
  teardown(end: () => unknown): void
}

/** All doors, listening, over the fleet of `fleet-fixture.ts` and a real store. */
export async function openIdentityDoor(t: DoorTest, options: DoorOptions = {}) {
  const port = options.port ?? (await freePortPair())
  const folder = options.folder ?? t.testdir({})
  const clock = { now: () => new Date() }
  const store = await openSqliteStore({ file: join(folder, 'weir.db'), clock, newId: () => 'fleet-1' })
  for (const name of ['press', 'wrapper'])
    await store.allot({ uid: `uid-${name}`, name, driver: 'localfs', tokenSha256: sha256(name) })
  const fleet = createFeed(options.status ?? fleetStatus(hashes))
  const desired = () => fleet.feed.current().desired
  const limit = createSignInLimit({ store, clock })
  const url = `http://127.0.0.1:${port}`
  const editorUrl = (entry: { readonly port?: number }) => `http://127.0.0.1:${entry.port}/`
  const urls = (entry: InventoryEntry, hostnames: readonly string[]) => [
    editorUrl(entry),
    ...instanceUrls(undefined, undefined, hostnames),
  ]
  const identity = createIdentity({
    issuer: options.issuer ?? `${url}/identity`,
    backChannel: `${url}/identity`,
    sessionHours: options.sessionHours ?? 12,
    derive,
    newToken: () => randomBytes(32).toString('base64url'),
    directory: { people: desired, instance: (uid) => fleet.feed.current().inventory.get(uid), urls },
    limit,
    store,
    clock,
    ...(options.upstream === undefined ? {} : { upstream: options.upstream }),
    ...(options.beginLimit === undefined ? {} : { beginLimit: options.beginLimit }),
  })
  const server = await createServer({
    feed: fleet.feed,
    desk: { settings: () => undefined, members: () => undefined, report: () => undefined },
    store,
    logs: () => undefined,
    logPage: () => undefined,
    samples: () => undefined,
    authenticate: createAuthenticate({ desired, limit, clock, issued: identity.issued, derive }),
    identity,
    metrics: { contentType: 'text/plain', metrics: async () => '' },
    log: createLogger({ level: process.env['TEST_LOG'] === undefined ? 'silent' : 'info' }),
    clock,
    urlOf: editorUrl,
    trustProxy: options.trustProxy ?? [],
  })
  await server.listen({ host: '127.0.0.1', port })
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    closed ??= (async () => {
      await server.close()
      await store[Symbol.asyncDispose]()
    })()
    return closed
  }
  t.teardown(close)
  return { ...fleet, url, port, folder, issuer: identity.issuer, store, identity, close }
}

export type IdentityDoor = Awaited<ReturnType<typeof openIdentityDoor>>

/** How many records the identity door has in its store. */
export async function countRecords({ folder }: Pick<IdentityDoor, 'folder'>): Promise<number> {
  const { default: knexPackage } = await import('knex')
  const db = knexPackage.knex({
    client: 'sqlite3',
    connection: { filename: join(folder, 'weir.db') },
    useNullAsDefault: true,
  })
  const [{ count } = { count: 0 }] = await db('identity_records').count({ count: '*' })
  await db.destroy()
  return Number(count)
}

/** Where an instance of the fixture is; nothing listens there. */
export const instances = {
  'uid-press': 'http://127.0.0.1:12080/',
  'uid-wrapper': 'http://127.0.0.1:12081/',
} as const
export type InstanceUid = keyof typeof instances

export function stopsAtInstances(options: Parameters<typeof createBrowser>[0] = {}): Browser {
  return createBrowser({
    stopAt: (url) => url.hostname.endsWith('.example.com') || ['12080', '12081'].includes(url.port),
    ...options,
  })
}

export const editorOf = (uid: InstanceUid): string => `${instances[uid]}auth/strategy/callback`
export const endpointsOf = (uid: InstanceUid): string => `${instances[uid]}_weir/callback`

/** An instance as a client of the door, by openid-client with nothing but its defaults. */
export async function clientOf(
  { issuer }: Pick<IdentityDoor, 'issuer'>,
  uid: string,
  secret = derive('oidc-client', uid).reveal(),
): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(issuer), uid, secret, undefined, {
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  })
}

export interface Authorization {
  readonly url: URL
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** A request for a code as an instance makes it; `more` changes it. */
export async function authorization(
  client: oidc.Configuration,
  redirectUri: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Authorization> {
  const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()]
  const url = oidc.buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...more,
  })
  return { url, verifier, state, nonce }
}

/** Fills the sign-in page. */
export async function signIn(
  browser: Browser,
  page: Page,
  name: string,
  password = `password of ${name}`,
): Promise<Page> {
  return browser.submit(page, { name, password })
}

/** Signs in to an instance, and redeems the code as that instance. */
export async function redeem(
  door: IdentityDoor,
  {
    user,
    uid = 'uid-press',
    browser = stopsAtInstances(),
  }: { user: string; uid?: InstanceUid; browser?: Browser },
) {
  const client = await clientOf(door, uid)
  const asked = await authorization(client, user === 'dora' ? endpointsOf(uid) : editorOf(uid))
  const page = await browser.open(asked.url)
  const answer = page.status === 0 ? page : await signIn(browser, page, user)
  const tokens = await oidc.authorizationCodeGrant(client, answer.url, {
    pkceCodeVerifier: asked.verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
    idTokenExpected: true,
  })
  return { client, tokens, claims: tokens.claims(), browser, asked, answer }
}

/** What a promise is rejected with; undefined where it is not. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}
