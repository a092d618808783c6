import { sha256 } from '../model/digest.ts'
import type { IdentityStore } from '../store/store.ts'
import { networkOf } from './network.ts'

/** How many failed sign-ins may come in a window. */
export interface RateLimitOptions {
  /** For one account from one address: whoever guesses there shuts out nobody else. */
  readonly failures: number
  /**
   * From one address, which a proxy or a building may share; and for one account from everywhere it has not signed in from
   * before, so that nobody elsewhere can shut its owner out.
   */
  readonly widely: number
  /** In seconds. */
  readonly window: number
}

export interface SignInAttempt {
  /** Absent where the credential names none. */
  readonly account?: string
  /** Counted by its network: whoever has one IPv6 address has 2^64 of them. */
  readonly address: string
}

export type BegunAttempt =
  | {
      readonly kind: 'begun'
      /** The attempt turned out well: it no longer counts, and the account is known at the address. */
      readonly succeeded: () => Promise<void>
    }
  | { readonly kind: 'limited'; /** In seconds. */ readonly retryAfter: number }

/** Limits failed sign-ins by account and by address. What succeeds does not count. */
export interface SignInLimit {
  /** Enters an attempt as failed, before its credential is checked, so that many at once count as many. */
  begin(attempt: SignInAttempt): Promise<BegunAttempt>
}

export interface SignInLimitDeps {
  /** Keeps the counts and where accounts are known, so that a restart forgets none. */
  readonly store: Pick<
    IdentityStore,
    'signInFailures' | 'countSignInFailure' | 'identityRecord' | 'saveIdentityRecord'
  >
  readonly clock: { now(): Date }
}

const defaultRateLimit: RateLimitOptions = { failures: 10, widely: 100, window: 300 }

const kind = 'KnownAddress'
/** How long an account is known where it signed in last. In milliseconds. */
const knownFor = 90 * 24 * 3_600_000

/** Every user has a DNS label for a name, so that whatever is none needs no count of its own. */
const userName = /^[a-z0-9-]{1,63}$/i

interface Limit {
  readonly key: string
  readonly most: number
}

/** One for all doors: whoever has to wait at one has to wait at each. */
export function createSignInLimit(
  { store, clock }: SignInLimitDeps,
  { failures, widely, window: seconds }: RateLimitOptions = defaultRateLimit,
): SignInLimit {
  const window = seconds * 1000
  const now = () => clock.now().getTime()
  const known = (account: string, network: string) => sha256(JSON.stringify([account, network]))
  /** The address comes first: one that has to wait cannot shut out account after account. */
  const limits = async ({ account, address }: SignInAttempt): Promise<readonly Limit[]> => {
    const network = networkOf(address)
    const wideAddress = { key: `wide address ${network}`, most: widely }
    if (account === undefined || !userName.test(account))
      return [{ key: `narrow address ${network}`, most: failures }, wideAddress]
    const here = [{ key: `narrow account ${account} address ${network}`, most: failures }, wideAddress]
    const isKnown = (await store.identityRecord(kind, known(account, network), now())) !== undefined
    return isKnown ? here : [...here, { key: `wide account ${account}`, most: widely }]
  }
  const count = async (key: string, by: 1 | -1) => store.countSignInFailure({ key, by, now: now(), window })

  /** Seconds to wait. Whoever is over the limit already costs the store no write. */
  const wait = async ({ key, most }: Limit): Promise<number> => {
    const before = await store.signInFailures(key, now())
    const { count: failed, endsAt } =
      before !== undefined && before.count > most ? before : await count(key, 1)
    return failed > most ? Math.max(1, Math.ceil((endsAt - now()) / 1000)) : 0
  }
  const remember = async ({ account, address }: SignInAttempt): Promise<void> => {
    if (account === undefined) return
    const id = known(account, networkOf(address))
    await store.saveIdentityRecord({ kind, id, content: 'true', expiresAt: now() + knownFor })
  }
  return {
    async begin(attempt) {
      const counted = await limits(attempt)
      for (const limit of counted) {
        const retryAfter = await wait(limit)
        if (retryAfter > 0) return { kind: 'limited', retryAfter }
      }
      return {
        kind: 'begun',
        // What was counted, whatever has become known of the account meanwhile.
        succeeded: async () => {
          for (const { key } of counted) await count(key, -1)
          await remember(attempt)
        },
      }
    },
  }
}
