import type { Provider } from 'oidc-provider'
import { sha256 } from '../model/digest.ts'
import type { Secret } from '../model/secret.ts'
import type { Store } from '../store/store.ts'
import type { IssuedTickets } from './authenticate.ts'
import {
  createBeginLimit,
  defaultBeginLimit,
  type BeginLimitOptions,
  type BeginSignIn,
} from './begin-limit.ts'
import type { Directory } from './directory.ts'
import { createProofOf, type ProofOf } from './proof.ts'
import { createProvider } from './provider.ts'
import type { SignInLimit } from './rate-limit.ts'
import { createSignInJournal, type SignInJournal } from './sign-in-journal.ts'
import { signingKey } from './signing-key.ts'
import { createStatusSessions, userOfAccessToken, type StatusSessions } from './tickets.ts'
import { createUpstream, type Upstream, type UpstreamConfig } from './upstream.ts'

/** The end of an issuer's URL: where the identity door stands below the doors' own URL. */
export const identityPath = '/identity'

export interface IdentityDeps {
  /** The URL that the world knows the identity door by; it ends in `/identity`. */
  readonly issuer: string
  /** The same door as this machine reaches it. */
  readonly backChannel: string
  readonly sessionHours: number
  readonly upstream?: UpstreamConfig & { readonly clientSecret: (signal: AbortSignal) => Promise<Secret> }
  /** A secret of its own for every purpose and subject: 32 bytes in base64url. */
  readonly derive: (purpose: string, subject: string) => Secret
  readonly newToken: () => string
  readonly directory: Directory
  readonly limit: SignInLimit
  /** Default: 300 in five minutes. */
  readonly beginLimit?: BeginLimitOptions
  readonly store: Store
  readonly clock: { now(): Date }
}

/** What the identity door, and the status door's sign-in by it, are made of. */
export interface Identity {
  readonly issuer: string
  readonly backChannel: string
  readonly sessionHours: number
  readonly provider: Provider
  readonly upstream: Upstream | undefined
  readonly directory: Directory
  readonly limit: SignInLimit
  readonly beginSignIn: BeginSignIn
  /** Counts what has the upstream provider asked something. */
  readonly askUpstream: BeginSignIn
  readonly sessions: StatusSessions
  readonly issued: IssuedTickets
  readonly clientSecretOf: (clientId: string) => Secret
  readonly proofOf: ProofOf
  /** Proves that a form is one of ours, made for this sign-in. */
  readonly formTokenOf: (interaction: string) => string
  readonly tell: SignInJournal['tell']
  /**
   * To be done every now and then, one at a time: removes what has expired, and tells what was only counted. `ending`: for
   * the last time.
   */
  readonly tidy: (ending?: boolean) => Promise<void>
  readonly store: Store
  readonly clock: { now(): Date }
  readonly newToken: () => string
  readonly derive: IdentityDeps['derive']
}

/** The doors as the world reaches them, without a slash at the end. */
export function publicUrl({ issuer }: Pick<Identity, 'issuer'>): string {
  return issuer.slice(0, -identityPath.length)
}

export const statusCallback = '/api/sign-in/callback'

/**
 * A sign-in asks the upstream on the way there and on the way back. Twice of that: who comes back has given a password, and
 * is not to be sent away because others began anew.
 */
const questionsOfSignIn = 4

export function createIdentity(deps: IdentityDeps): Identity {
  const { issuer, derive, store, clock, directory, beginLimit = defaultBeginLimit } = deps
  const clientSecretOf = (clientId: string): Secret => derive('oidc-client', clientId)
  const proofOf = createProofOf(deps)
  const provider = createProvider({
    ...deps,
    signingKey: signingKey((attempt) => derive('oidc-signing-key', attempt)),
    cookieKey: derive('oidc-cookie-key', ''),
    proofOf,
    clientSecretOf,
    statusRedirectUri: `${publicUrl(deps)}${statusCallback}`,
  })
  const sessions = createStatusSessions({ ...deps, proofOf })
  const journal = createSignInJournal({ store, directory, clock })
  return {
    ...deps,
    provider,
    sessions,
    beginSignIn: createBeginLimit(clock, beginLimit),
    askUpstream: createBeginLimit(clock, { ...beginLimit, begun: beginLimit.begun * questionsOfSignIn }),
    proofOf,
    clientSecretOf,
    issued: {
      userOfSession: sessions.userOfSession,
      userOfToken: async (token) => userOfAccessToken(provider, token, proofOf),
    },
    upstream: deps.upstream && upstreamOf(deps.upstream, { ...deps, proofOf }),
    formTokenOf: (interaction) => derive('identity-form', sha256(interaction)).reveal(),
    tell: async (event) => journal.tell(event),
    tidy: async (ending) => {
      await journal.settle(ending)
      await store.removeExpiredIdentity(clock.now().getTime())
    },
    issuer,
  }
}

function upstreamOf(
  upstream: IdentityDeps['upstream'] & {},
  deps: IdentityDeps & { readonly proofOf: ProofOf },
): Upstream {
  const { clientSecret, ...config } = upstream
  return createUpstream({ ...deps, config, clientSecret, redirectUri: `${deps.issuer}/upstream/callback` })
}
