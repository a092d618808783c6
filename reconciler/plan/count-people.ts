import type { AccessChange } from '../model/plan.ts'

/** How much each role may do with an instance; an owner and a member may do the same. */
const rank = { owner: 3, member: 3, viewer: 2, admin: 2, dashboard: 1 } as const

/** How many people can do less, and how many more, on some instance than before. */
export function countPeople(changes: readonly AccessChange[]): {
  readonly losing: number
  readonly gaining: number
} {
  const people = (wanted: (change: AccessChange) => boolean): number =>
    new Set(changes.filter(wanted).map(({ user }) => user)).size
  return {
    losing: people((change) => rankOf(change.to) < rankOf(change.from)),
    gaining: people((change) => rankOf(change.to) > rankOf(change.from)),
  }
}

function rankOf(role: string | undefined): number {
  const known: Readonly<Record<string, number>> = rank
  return role === undefined ? 0 : (known[role] ?? 0)
}
