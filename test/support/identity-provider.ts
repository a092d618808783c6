import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Provider, type Adapter, type AdapterPayload, type Configuration } from 'oidc-provider'
import type { RuntimeSettings } from '../../launcher/wire.ts'

export type Identity = NonNullable<RuntimeSettings['identity']>

/**
 * Stands in for the reconciler's OpenID Connect provider, with the same contract: a real one, whose people sign in
 * with `<name>-password`, reached by instances at another address than by browsers.
 */
export interface IdentityProvider {
  readonly issuer: string
  /** The client that an instance on this port is; made at the first call. */
  clientFor(port: number, more?: Partial<Identity>): Identity
  /** People who get no code for any instance. */
  readonly refused: Set<string>
  /** Changes what the token endpoint answers. */
  tamper: ((answer: Record<string, unknown>) => object) | undefined
  /** Signs the claims of an ID token with its own key. */
  sign(claims: object): string
  /** Every request, as `METHOD /path`. */
  readonly asked: string[]
  /** Nobody answers until it is resumed. */
  pause(): Promise<void>
  resume(): Promise<void>
}

interface Test {
  teardown(end: () => unknown): void
}

type Handler = (request: IncomingMessage & { originalUrl?: string }, response: ServerResponse) => unknown

export async function openIdentityProvider(t: Test): Promise<IdentityProvider> {
  const handler: { handle: Handler } = { handle: (_, response) => response.writeHead(503).end() }
  const [front, back] = [await listen(handler), await listen(handler)]
  t.teardown(async () => Promise.all([front.close(), back.close()]))
  const issuer = `http://127.0.0.1:${front.port}/identity`
  const clients = new Map<string, AdapterPayload>()
  const refused = new Set<string>()
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const provider = new Provider(issuer, configuration(clients, privateKey))
  const callback = provider.callback()
  const opened: IdentityProvider = {
    issuer,
    refused,
    tamper: undefined,
    sign: (claims) => signed(claims, privateKey),
    asked: [],
    clientFor(port, more = {}) {
      const identity = identityOf(issuer, `http://127.0.0.1:${back.port}/identity`, port, more)
      clients.set(identity.clientId, clientOf(identity))
      return identity
    },
    pause: async () => void (await Promise.all([front.close(), back.close()])),
    resume: async () => void (await Promise.all([front.open(), back.open()])),
  }
  handler.handle = async (request, response) => {
    const path = (request.url ?? '').replace(/^\/identity/, '')
    opened.asked.push(`${request.method} ${path.replace(/\?.*/, '')}`)
    if (path.startsWith('/interaction/')) return interact(provider, refused, request, response)
    if (path === '/token' && opened.tamper !== undefined) tamperWith(response, opened.tamper)
    request.originalUrl = request.url ?? ''
    request.url = path
    // What is told of endpoints is told for browsers, whoever asks.
    request.headers.host = new URL(issuer).host
    return callback(request, response)
  }
  return opened
}

function identityOf(issuer: string, backChannel: string, port: number, more: Partial<Identity>): Identity {
  const editor = `http://127.0.0.1:${port}/`
  return {
    issuer,
    backChannel,
    clientId: `instance-${port}`,
    clientSecret: `secret-of-instance-${port}`,
    redirectUris: [`${editor}auth/strategy/callback`, `${editor}_weir/callback`],
    sessionHours: 12,
    ...more,
  }
}

function clientOf({ clientId, clientSecret, redirectUris }: Identity): AdapterPayload {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [...redirectUris],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'ES256',
  }
}

function configuration(clients: ReadonlyMap<string, AdapterPayload>, privateKey: KeyObject): Configuration {
  return {
    adapter: (name) => memoryAdapter(name === 'Client' ? clients : new Map()),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' }] },
    cookies: { keys: ['of the test'], long: { path: '/identity' }, short: { path: '/identity' } },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        allowedPolicy: (_, client, token) => token.clientId === client.clientId,
      },
    },
    interactions: { url: (_, { uid }) => `/identity/interaction/${uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 600,
      Session: 3600,
      Grant: 3600,
      Interaction: 600,
    },
    findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    loadExistingGrant: async ({ oidc }) => {
      const { client, session, provider } = oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid')
      await grant.save()
      return grant
    },
  }
}

/** A JWS in compact form (RFC 7515). */
function signed(claims: object, key: KeyObject): string {
  const encoded = [{ alg: 'ES256', kid: 'one' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const signature = sign('sha256', Buffer.from(encoded.join('.')), { key, dsaEncoding: 'ieee-p1363' })
  return [...encoded, signature.toString('base64url')].join('.')
}

async function interact(
  provider: Provider,
  refused: ReadonlySet<string>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') {
    response.setHeader('content-type', 'text/html')
    response.end(
      '<form method="post"><input name="who" type="text"><input name="how" type="password"></form>',
    )
    return
  }
  let body = ''
  for await (const part of request) body += part
  const fields = new URLSearchParams(body)
  const accountId = fields.get('who') ?? ''
  const known = fields.get('how') === `${accountId}-password`
  if (!known) return void response.writeHead(401).end()
  const result = refused.has(accountId) ? { error: 'access_denied' } : { login: { accountId } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

function tamperWith(response: ServerResponse, tamper: (answer: Record<string, unknown>) => object): void {
  const end = response.end.bind(response)
  response.end = (body: unknown) => {
    const text = JSON.stringify(tamper(JSON.parse(String(body))))
    response.setHeader('content-length', Buffer.byteLength(text))
    return end(text)
  }
}

function memoryAdapter(known: ReadonlyMap<string, AdapterPayload>): Adapter {
  const kept = new Map<string, AdapterPayload>()
  const where = async (holds: (payload: AdapterPayload) => boolean) => [...kept.values()].find(holds)
  return {
    upsert: async (id, payload) => void kept.set(id, { ...payload }),
    find: async (id) => known.get(id) ?? kept.get(id),
    findByUid: async (uid) => where((payload) => payload.uid === uid),
    findByUserCode: async (code) => where((payload) => payload.userCode === code),
    consume: async (id) => {
      const payload = kept.get(id)
      if (payload !== undefined) payload['consumed'] = Math.floor(Date.now() / 1000)
    },
    destroy: async (id) => void kept.delete(id),
    revokeByGrantId: async (grantId) => {
      for (const [id, payload] of kept) if (payload.grantId === grantId) kept.delete(id)
    },
  }
}

async function listen(handler: { handle: Handler }) {
  const server = createServer((request, response) => void handler.handle(request, response))
  const open = async (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve)
    })
  await open(0)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    open: async () => open(address.port),
    close: async () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
