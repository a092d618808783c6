import type { Action } from '../model/plan.ts'

/** What gives something up comes first, so that its port or name is free for what follows; within a rank by name. */
const ranks: { readonly [kind in Action['kind']]: number } = {
  delete: 0,
  stop: 1,
  rename: 2,
  adopt: 3,
  update: 4,
  restart: 5,
  replace: 6,
  start: 7,
  create: 8,
}

export function inOrder(actions: readonly Action[]): Action[] {
  return actions.toSorted(
    (a, b) =>
      ranks[a.kind] - ranks[b.kind] ||
      compare(a.target.name, b.target.name) ||
      compare(a.target.uid ?? '', b.target.uid ?? ''),
  )
}

/** By code unit: the same everywhere, whatever the locale. */
export function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
