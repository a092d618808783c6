import type { Provider } from 'oidc-provider'
import { sha256 } from '../model/digest.ts'
import type { IdentityStore } from '../store/store.ts'
import type { IssuedTickets } from './authenticate.ts'
import { isProved, type ProofOf } from './proof.ts'
import { nativeClient, statusClient, statusScope } from './clients.ts'

/** Sign-ins at the status door, one for every browser. */
export interface StatusSessions extends Pick<IssuedTickets, 'userOfSession'> {
  /** Returns the value of the cookie. `proof`: what the sign-in that it comes from began with. */
  begin(user: string, proof: string): Promise<string>
  /** Whether there was one. */
  end(session: string): Promise<boolean>
}

export interface StatusSessionDeps {
  readonly store: IdentityStore
  readonly clock: { now(): Date }
  /** At least 128 bits of chance, fit for a cookie. */
  readonly newToken: () => string
  readonly sessionHours: number
  readonly proofOf: ProofOf
}

const kind = 'StatusSession'

/** The store has the digest of a cookie only, and nothing but whose it is: what they may see is read when they ask. */
export function createStatusSessions({
  store,
  clock,
  newToken,
  sessionHours,
  proofOf,
}: StatusSessionDeps): StatusSessions {
  const now = () => clock.now().getTime()
  return {
    async begin(user, proof) {
      const session = newToken()
      const expiresAt = now() + sessionHours * 3_600_000
      const content = JSON.stringify([user, proof])
      await store.saveIdentityRecord({ kind, id: sha256(session), content, expiresAt })
      return session
    },
    end: async (session) => store.removeIdentityRecord(kind, sha256(session)),
    async userOfSession(session) {
      const found = await store.identityRecord(kind, sha256(session), now())
      const content: unknown = found && JSON.parse(found.content)
      if (!Array.isArray(content)) return undefined
      const parts: readonly unknown[] = content
      const [user, proof] = parts
      return typeof user === 'string' && proof === proofOf(user) ? user : undefined
    },
  }
}

/**
 * Whose an access token is, if it is one for the status: an instance’s is good for that instance’s sign-in and nothing else.
 * It ends with the browser session that it came from, which the provider sees to, and with the password that this began with.
 */
export async function userOfAccessToken(
  provider: Provider,
  token: string,
  proofOf: ProofOf,
): Promise<string | undefined> {
  const found = await provider.AccessToken.find(token)
  if (found?.clientId !== statusClient && found?.clientId !== nativeClient) return undefined
  if (!found.scopes.has(statusScope)) return undefined
  return (await isProved(provider, found, proofOf)) ? found.accountId : undefined
}
