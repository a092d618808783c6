import * as oidc from 'openid-client'
import { sha256 } from '../model/digest.ts'
import { statusClient, statusScope } from './clients.ts'
import { publicUrl, statusCallback, type Identity } from './identity.ts'

const kind = 'StatusSignIn'
/** How long a sign-in may take. In milliseconds. */
const patience = 30 * 60_000

interface Pending {
  readonly nonce: string
  readonly verifier: string
  readonly next: string
}

export interface BegunSignIn {
  /** Binds the sign-in to the browser: it must come back with the answer. */
  readonly state: string
  /** Where to send the browser. */
  readonly url: URL
}

/** The status door's side of its own sign-in: the same code flow that every other client goes through. */
export interface StatusSignIn {
  /** `next`: the path to go to afterwards. */
  begin(next: string): Promise<BegunSignIn>
  /** Who it is, and where they wanted to go. @throws where the answer is not what it should be. */
  finish(state: string, search: string): Promise<{ readonly user: string; readonly next: string }>
  /** Where to send a browser that has left the status door, to leave the identity door too. */
  signOutUrl(): URL
}

export function createStatusSignIn(identity: Identity): StatusSignIn {
  const { store, clock } = identity
  const home = publicUrl(identity)
  const client = clientOf(identity)
  const now = () => clock.now().getTime()
  return {
    async begin(next) {
      const [state, nonce, verifier] = [identity.newToken(), identity.newToken(), identity.newToken()]
      const content = JSON.stringify({ nonce, verifier, next } satisfies Pending)
      await store.saveIdentityRecord({ kind, id: sha256(state), content, expiresAt: now() + patience })
      const url = oidc.buildAuthorizationUrl(client, {
        redirect_uri: `${home}${statusCallback}`,
        scope: `openid ${statusScope}`,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { state, url }
    },

    async finish(state, search) {
      const found = await store.identityRecord(kind, sha256(state), now())
      const pending: unknown = found && JSON.parse(found.content)
      const first = await store.removeIdentityRecord(kind, sha256(state))
      if (!first || !isPending(pending)) throw new Error('the sign-in has expired')
      const tokens = await oidc.authorizationCodeGrant(client, new URL(`${home}${statusCallback}${search}`), {
        expectedState: state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      })
      const user = tokens.claims()?.sub
      if (user === undefined) throw new Error('the id token names nobody')
      return { user, next: pending.next }
    },

    signOutUrl: () => oidc.buildEndSessionUrl(client),
  }
}

/** Browsers are sent to the issuer's URL; what is asked behind their backs takes the way that this machine has. */
function clientOf({ issuer, backChannel, clientSecretOf }: Identity): oidc.Configuration {
  const client = new oidc.Configuration(
    {
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      end_session_endpoint: `${issuer}/session/end`,
      token_endpoint: `${backChannel}/token`,
      jwks_uri: `${backChannel}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
    },
    statusClient,
    clientSecretOf(statusClient).reveal(),
  )
  if (backChannel.startsWith('http:')) oidc.allowInsecureRequests(client)
  oidc.enableNonRepudiationChecks(client)
  return client
}

function isPending(value: unknown): value is Pending {
  if (typeof value !== 'object' || value === null) return false
  return ['nonce', 'verifier', 'next'].every((name) => typeof Reflect.get(value, name) === 'string')
}
