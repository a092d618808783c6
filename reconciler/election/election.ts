import type { Leadership, Term } from '../model/lease.ts'
import { campaign, type CampaignEvents, type ElectionDeps } from './campaign.ts'
import { HeldTerm } from './held-term.ts'

/** What a reconciler does, by how it stands to the others. One of the two runs at a time. */
export interface Roles {
  /** Until the signal is aborted. */
  readonly follow: (signal: AbortSignal) => Promise<void>
  /** Until the signal is aborted: the term is over, or this process ends. Then the term lasts until this has ended. */
  readonly lead: (term: Term, signal: AbortSignal) => Promise<void>
}

/** Decides who of several reconcilers leads. */
export interface Election {
  /** Takes part until the signal is aborted. @throws what a role throws, or what no waiting mends. */
  run(roles: Roles, signal: AbortSignal): Promise<void>
}

export interface ElectionNews {
  readonly onChange: (leadership: Leadership) => void
  /** The lease cannot be read or written, and that is tried again. Called once for each outage. */
  readonly onOutage: (error: unknown) => void
}

/** Milliseconds that the end of a term may take to be written. */
const farewell = 2_000

export function createElection(deps: ElectionDeps, news: ElectionNews): Election {
  return {
    async run(roles, signal) {
      while (!signal.aborted) {
        const term = await followUntilWon(deps, news, roles, signal)
        if (term !== undefined) await leadFor(term, news, roles, signal)
      }
    },
  }
}

/** For a store that one process alone can open. */
export function soleElection(
  name: string,
  now: () => Date,
  { onChange }: Pick<ElectionNews, 'onChange'>,
): Election {
  return {
    async run({ lead }, signal) {
      onChange({ kind: 'leading', holder: name, term: 1, since: now().toISOString() })
      const { signal: never } = new AbortController()
      await untilAborted(lead({ number: 1, signal: never, check: () => undefined }, signal), signal)
    },
  }
}

async function followUntilWon(
  deps: ElectionDeps,
  news: ElectionNews,
  { follow }: Roles,
  signal: AbortSignal,
): Promise<HeldTerm | undefined> {
  const ending = new AbortController()
  const either = AbortSignal.any([signal, ending.signal])
  news.onChange({ kind: 'following' })
  const following = untilAborted(follow(either), either)
  try {
    const won = await Promise.race([campaign(deps, campaignEvents(news), either), onlyItsFailure(following)])
    return new HeldTerm(deps, won)
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    ending.abort()
    await following.catch(() => undefined)
  }
}

async function leadFor(
  term: HeldTerm,
  { onChange }: ElectionNews,
  { lead }: Roles,
  stopping: AbortSignal,
): Promise<void> {
  const { number, since, holder } = term
  const signal = AbortSignal.any([term.signal, stopping])
  const over = (): void => onChange({ kind: 'lost', term: number, reason: term.reason })
  term.signal.addEventListener('abort', over, { once: true })
  onChange({ kind: 'leading', holder, term: number, since })
  try {
    await untilAborted(lead(term, signal), signal)
  } finally {
    term.signal.removeEventListener('abort', over)
    await term.end(AbortSignal.timeout(farewell))
  }
}

/** Tells who leads when that changes, and an outage when it begins. */
function campaignEvents({ onChange, onOutage }: ElectionNews): CampaignEvents {
  let told: unknown
  return {
    onHeld: ({ holder, since, term }) => {
      if (told === term) return
      told = term
      onChange({ kind: 'following', leader: { holder, since, term } })
    },
    onOutage: (error) => {
      if (told !== 'outage') onOutage(error)
      told = 'outage'
    },
  }
}

/** What ends because it was told to has not failed. */
async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  await work.catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

async function onlyItsFailure(work: Promise<void>): Promise<never> {
  await work
  return new Promise<never>(() => undefined)
}
