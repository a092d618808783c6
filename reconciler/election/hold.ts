import { TermEnded, type LeaseVersion, type Term } from '../model/lease.ts'
import { campaign, type ElectionDeps, type Won } from './campaign.ts'
import { HeldTerm } from './held-term.ts'

export interface HoldEvents {
  /** The error for whoever finds the lease with another one, who renews it. */
  readonly refusal: (lease: LeaseVersion) => Error
  /** It was lost, and why; or it is held again (undefined). */
  readonly onChange: (lost: string | undefined) => void
  /** Another one had it meanwhile: it is not taken again. */
  readonly onOut: (lease: LeaseVersion) => void
}

/** The lease, for one who does not wait for others: taken at once or refused, and taken again where it was lost to nobody. */
export interface Hold extends Pick<Term, 'check'>, AsyncDisposable {
  /** Changes where it is taken again. */
  readonly number: number
}

/** Milliseconds that giving it back may take. */
const farewell = 2_000

/** @throws the refusal, and every other error of the record. */
export async function holdLease(deps: ElectionDeps, events: HoldEvents): Promise<Hold> {
  const ending = new AbortController()
  const first = await campaign(
    deps,
    {
      onHeld: (lease, alive) => {
        if (alive) throw events.refusal(lease)
      },
      onOutage: (error) => {
        throw error
      },
    },
    ending.signal,
  )
  let term: HeldTerm | undefined = new HeldTerm(deps, first)
  let number = term.number

  const keep = async (): Promise<void> => {
    while (term !== undefined) {
      await over(term)
      if (ending.signal.aborted) return
      events.onChange(term.reason)
      const won = await takeAgain(deps, term.number, ending.signal)
      term = won.kind === 'won' ? new HeldTerm(deps, won.won) : undefined
      if (won.kind === 'out') events.onOut(won.lease)
      if (term === undefined) return
      number = term.number
      events.onChange(undefined)
    }
  }
  const kept = keep().catch(() => undefined)
  return {
    get number() {
      return number
    },
    check: () => {
      if (term === undefined) throw new TermEnded(number, 'another one had the lease meanwhile')
      term.check()
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      await term?.end(AbortSignal.timeout(farewell))
      await kept
    },
  }
}

type Again =
  | { readonly kind: 'won'; readonly won: Won }
  | { readonly kind: 'out'; readonly lease: LeaseVersion }
  | { readonly kind: 'ended' }

async function takeAgain(deps: ElectionDeps, before: number, signal: AbortSignal): Promise<Again> {
  const stopping = new AbortController()
  let other: LeaseVersion | undefined
  try {
    const onHeld = (lease: LeaseVersion): void => {
      if (lease.term === before) return
      other = lease
      stopping.abort()
    }
    const either = AbortSignal.any([signal, stopping.signal])
    const won = await campaign(deps, { onHeld, onOutage: () => undefined }, either)
    if (won.lease.term === before + 1) return { kind: 'won', won }
    await new HeldTerm(deps, won).end(AbortSignal.timeout(farewell))
    return { kind: 'out', lease: won.lease }
  } catch {
    return other === undefined ? { kind: 'ended' } : { kind: 'out', lease: other }
  }
}

async function over({ signal }: Pick<Term, 'signal'>): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
