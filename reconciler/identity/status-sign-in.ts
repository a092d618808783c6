import * as oidc from 'openid-client'
import { statusClient, statusScope } from './clients.ts'
import { publicUrl, statusCallback, type Identity } from './identity.ts'
import { createNotes } from './notes.ts'
import { proofBehind } from './proof.ts'

/** How long a sign-in may take. In milliseconds. */
const patience = 30 * 60_000

export interface BegunSignIn {
  /** What the way back needs, and what binds the sign-in to the browser: it must come back with the answer. */
  readonly note: string
  /** Where to send the browser. */
  readonly url: URL
}

interface SignedIn {
  readonly user: string
  /** What the session of the identity door began with: what the status door's is to end with. */
  readonly proof: string
  readonly next: string
}

/** The status door's side of its own sign-in: the same code flow that every other client goes through. */
export interface StatusSignIn {
  /** `next`: the path to go to afterwards. */
  begin(next: string): Promise<BegunSignIn>
  /** Who it is, and where they wanted to go. @throws where the answer is not what it should be. */
  finish(note: string | undefined, search: string): Promise<SignedIn>
  /** Where to send a browser that has left the status door, to leave the identity door too. */
  signOutUrl(): URL
}

export function createStatusSignIn(identity: Identity): StatusSignIn {
  const home = publicUrl(identity)
  const client = clientOf(identity)
  const notes = createNotes(identity, {
    purpose: 'status sign-in',
    names: ['state', 'nonce', 'verifier', 'next'],
    lifetime: patience,
  })
  return {
    async begin(next) {
      const [state, nonce, verifier] = [identity.newToken(), identity.newToken(), identity.newToken()]
      const url = oidc.buildAuthorizationUrl(client, {
        redirect_uri: `${home}${statusCallback}`,
        scope: `openid ${statusScope}`,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { note: notes.seal({ state, nonce, verifier, next }), url }
    },

    async finish(note, search) {
      const pending = notes.open(note)
      if (pending === undefined) throw new Error('the sign-in has expired')
      const tokens = await oidc.authorizationCodeGrant(client, new URL(`${home}${statusCallback}${search}`), {
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        pkceCodeVerifier: pending.verifier,
        idTokenExpected: true,
      })
      const user = tokens.claims()?.sub
      if (user === undefined) throw new Error('the id token names nobody')
      const { provider } = identity
      const token = await provider.AccessToken.find(tokens.access_token)
      const proof = token && (await proofBehind(provider, token))
      if (proof === undefined) throw new Error('the sign-in has ended')
      return { user, proof, next: pending.next }
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
