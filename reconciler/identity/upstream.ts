import * as oidc from 'openid-client'
import type { UserDocument } from '../model/resource.ts'
import type { Secret } from '../model/secret.ts'
import { createNotes, type NotesDeps } from './notes.ts'
import type { ProofOf } from './proof.ts'

/** The OpenID Connect provider that people have accounts with already. */
export interface UpstreamConfig {
  readonly issuer: string
  readonly clientId: string
  /** What the button on the sign-in page calls it. */
  readonly displayName: string
}

export interface UpstreamDeps extends NotesDeps {
  readonly config: UpstreamConfig
  /** Read when it is needed: it may be renewed while we run. */
  readonly clientSecret: (signal: AbortSignal) => Promise<Secret>
  readonly proofOf: ProofOf
  /** Where the upstream sends people back to: what is registered there. */
  readonly redirectUri: string
}

/** Why nobody could be told who it is. */
export type UpstreamFailure =
  'unreachable' | 'refused' | 'expired' | 'no-verified-email' | 'unknown-email' | 'ambiguous-email'

export type UpstreamAnswer =
  | {
      readonly kind: 'user'
      readonly user: string
      /** What the session is to be begun with. */ readonly proof: string
    }
  | { readonly kind: 'failed'; readonly why: UpstreamFailure; readonly cause?: unknown }

export interface Upstream {
  readonly displayName: string
  /** How long a browser has to keep the note of `begin`, in seconds. */
  readonly patience: number
  /**
   * Where to send a browser whose sign-in has this uid, and what it has to bring when it comes back; `failed`: the upstream
   * cannot be reached.
   */
  begin(
    interaction: string,
    signal: AbortSignal,
  ): Promise<{ readonly url: URL; readonly note: string } | { readonly failed: unknown }>
  /** Checks an answer. `search`: the query that the upstream sent the browser back with. */
  finish(
    answer: { readonly interaction: string; readonly search: string; readonly note: string | undefined },
    users: ReadonlyMap<string, UserDocument>,
    signal: AbortSignal,
  ): Promise<UpstreamAnswer>
}

/** How long somebody may take at the upstream. In milliseconds. */
const patience = 10 * 60_000
/** How long the upstream may take to answer, in seconds. */
const timeout = 10

/** The uid of the sign-in that an answer with this state says it is of. It tells where to go, and proves nothing. */
export function interactionIn(state: string): string | undefined {
  return /^([\w-]{1,64})\.[\w-]+$/.exec(state)?.[1]
}

/** Authorization code flow with state, nonce and PKCE, each checked by openid-client. */
export function createUpstream(deps: UpstreamDeps): Upstream {
  const { config, redirectUri, proofOf } = deps
  const notes = createNotes(deps, {
    purpose: 'upstream sign-in',
    names: ['interaction', 'state', 'nonce', 'verifier'],
    lifetime: patience,
  })
  return {
    displayName: config.displayName,
    patience: patience / 1000,

    async begin(interaction, signal) {
      const state = `${interaction}.${oidc.randomState()}`
      const nonce = oidc.randomNonce()
      const verifier = oidc.randomPKCECodeVerifier()
      try {
        const client = await discover(deps, signal)
        const url = oidc.buildAuthorizationUrl(client, {
          redirect_uri: redirectUri,
          scope: 'openid email',
          state,
          nonce,
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        })
        return { url, note: notes.seal({ interaction, state, nonce, verifier }) }
      } catch (error) {
        signal.throwIfAborted()
        return { failed: error }
      }
    },

    async finish({ interaction, search, note }, users, signal) {
      const begun = notes.open(note)
      const state = new URLSearchParams(search).get('state')
      if (begun === undefined || begun.interaction !== interaction || begun.state !== state)
        return { kind: 'failed', why: 'expired' }
      const answer = new URL(redirectUri)
      answer.search = search
      try {
        const client = await discover(deps, signal)
        const tokens = await oidc.authorizationCodeGrant(client, answer, {
          expectedState: begun.state,
          expectedNonce: begun.nonce,
          pkceCodeVerifier: begun.verifier,
          idTokenExpected: true,
        })
        const answered = userFor(await claimsOf(client, tokens), users.values())
        if (typeof answered !== 'string') return answered
        // Of the address that was looked for: a commit may have been read meanwhile.
        return { kind: 'user', user: answered, proof: proofOf(answered, users) }
      } catch (cause) {
        signal.throwIfAborted()
        return { kind: 'failed', why: isRefusal(cause) ? 'refused' : 'unreachable', cause }
      }
    },
  }
}

/** Asked anew every time: keys and endpoints are as the upstream says now, and one that was away is there again. */
async function discover(
  { config, clientSecret }: UpstreamDeps,
  signal: AbortSignal,
): Promise<oidc.Configuration> {
  const issuer = new URL(config.issuer)
  const secret = await clientSecret(signal)
  const insecure = issuer.protocol === 'http:' ? [oidc.allowInsecureRequests] : []
  return oidc.discovery(issuer, config.clientId, secret.reveal(), undefined, {
    timeout,
    execute: [...insecure, (client) => oidc.enableNonRepudiationChecks(client)],
    [oidc.customFetch]: async (url, options) =>
      fetch(url, {
        ...options,
        body: options.body ?? null,
        signal: options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]),
      }),
  })
}

type Tokens = Awaited<ReturnType<typeof oidc.authorizationCodeGrant>>

/** Many providers tell an address in the id token, others only when asked. */
async function claimsOf(
  client: oidc.Configuration,
  tokens: Tokens,
): Promise<{ readonly [name: string]: unknown }> {
  const claims = tokens.claims()
  if (claims === undefined) return {}
  if (claims['email'] !== undefined && claims['email_verified'] !== undefined) return claims
  if (client.serverMetadata().userinfo_endpoint === undefined) return claims
  // Both or none from there: an address must not be vouched for by what was said of another.
  const { email: _, email_verified: __, ...others } = claims
  return { ...others, ...(await oidc.fetchUserInfo(client, tokens.access_token, claims.sub)) }
}

/** The one declared user with this address, which the upstream must have verified: anybody may claim any address. */
function userFor(
  { email, email_verified: verified }: { readonly [name: string]: unknown },
  users: Iterable<UserDocument>,
): string | (UpstreamAnswer & { readonly kind: 'failed' }) {
  if (typeof email !== 'string' || email === '' || verified !== true)
    return { kind: 'failed', why: 'no-verified-email' }
  const wanted = lowered(email)
  const found = [...users].filter(({ spec }) => spec.email !== undefined && lowered(spec.email) === wanted)
  const [user, other] = found
  if (user === undefined) return { kind: 'failed', why: 'unknown-email' }
  if (other !== undefined) return { kind: 'failed', why: 'ambiguous-email' }
  return user.metadata.name
}

/** Only A to Z: other letters that Unicode lowers to these may be somebody else's mailbox. */
function lowered(address: string): string {
  return address.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Whether the upstream answered, and it was a no or not what it should be; everything else is the way there. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof oidc.AuthorizationResponseError ||
    error instanceof oidc.ResponseBodyError ||
    (error instanceof oidc.ClientError &&
      error.code !== 'OAUTH_TIMEOUT' &&
      !(error.cause instanceof TypeError))
  )
}
