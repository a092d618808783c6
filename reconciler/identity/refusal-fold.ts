import type { AuditFact } from '../model/audit.ts'
import { defined } from '../model/defined.ts'

/** How many refusals of one kind, about one person or about all who are not known here, get an entry of their own. */
export interface RefusalAllowance {
  readonly entries: number
  /** In seconds. */
  readonly window: number
}

export const defaultRefusalAllowance: RefusalAllowance = { entries: 100, window: 3600 }

export interface RefusalFold {
  /** Counts a refusal. Whether it is the first of its like, and there is room for its entry; `like`: what makes two alike. */
  take(refusal: AuditFact, like: string, now: Date): boolean
  /** What `take` let have an entry got none: the next one is the first. */
  forget(refusal: AuditFact, like: string): void
  /** What there is to tell of windows that are over, once; `all`: of the others too. */
  ended(now: Date, all?: boolean): readonly AuditFact[]
}

interface Window {
  readonly endsAt: number
  readonly user: string | undefined
  readonly known: Map<string, { readonly fact: AuditFact; again: number }>
  leftOut: { readonly from: string; to: string; count: number } | undefined
}

/**
 * Makes few entries of many refusals: those that are alike are one, and in the end how often it happened once more; past
 * the allowance they are a gap with their number. People that are declared have windows of their own, and what was done
 * in the name of one is apart from what one did who had proved to be it: no flood hides what it is not about.
 */
export function createRefusalFold({ entries, window }: RefusalAllowance): RefusalFold {
  const windows = new Map<string, Window>()
  let over: readonly AuditFact[] = []
  const keyOf = ({ event, user }: AuditFact) => JSON.stringify([event, user])
  const close = (key: string, ended: Window, now: Date): void => {
    windows.delete(key)
    over = [...over, ...factsOf(ended, now.toISOString())]
  }
  return {
    take(refusal, like, now) {
      const key = keyOf(refusal)
      const before = windows.get(key)
      if (before !== undefined && before.endsAt <= now.getTime()) close(key, before, now)
      const current = windows.get(key) ?? newWindow(refusal, now.getTime() + window * 1000)
      windows.set(key, current)
      return count(current, refusal, like, entries)
    },
    forget(refusal, like) {
      windows.get(keyOf(refusal))?.known.delete(like)
    },
    ended(now, all = false) {
      for (const [key, one] of windows) if (all || one.endsAt <= now.getTime()) close(key, one, now)
      const facts = over
      over = []
      return facts
    },
  }
}

function newWindow({ user }: AuditFact, endsAt: number): Window {
  return { endsAt, user, known: new Map(), leftOut: undefined }
}

function count(window: Window, fact: AuditFact, like: string, most: number): boolean {
  const known = window.known.get(like)
  if (known !== undefined) {
    known.again += 1
    return false
  }
  if (window.known.size < most) {
    window.known.set(like, { fact, again: 0 })
    return true
  }
  window.leftOut ??= { from: fact.at, to: fact.at, count: 0 }
  window.leftOut.to = fact.at
  window.leftOut.count += 1
  return false
}

function factsOf({ known, user, leftOut }: Window, at: string): readonly AuditFact[] {
  const repeated = [...known.values()]
    .filter(({ again }) => again > 0)
    .map(({ fact, again }) => ({ ...fact, at, count: again }))
  if (leftOut === undefined) return repeated
  const message = `more refusals than have room here${user === undefined ? ', of people who are not declared' : ''}`
  return [
    ...repeated,
    defined({ at, event: 'gap' as const, target: 'refusals only', user, message, ...leftOut }),
  ]
}
