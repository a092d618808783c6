import { compareContainers, type Difference } from './compare.ts'
import type { ContainerSpec } from './container-spec.ts'

/** A container that carries the uid of the instance that is to be brought about. */
export interface Candidate {
  readonly id: string
  readonly state: string
  readonly spec: ContainerSpec
  /** What makes it another than it is to be. */
  readonly differences: readonly Difference[]
}

export function candidate(
  wanted: ContainerSpec,
  found: { readonly id: string; readonly state: string; readonly spec: ContainerSpec },
): Candidate {
  return { ...found, differences: compareContainers(wanted, found.spec) }
}

/**
 * The container that goes on: one that can be made into what is wanted, rather one that runs, rather one that already has
 * the name. More than one are there where a replacement was cut short. Undefined: a new one is needed. Pure.
 */
export function keeperOf(wanted: ContainerSpec, all: readonly Candidate[]): Candidate | undefined {
  const rank = (one: Candidate) => (isUp(one) ? 0 : 2) + (one.spec.name === wanted.name ? 0 : 1)
  return all
    .filter(({ differences }) => !differences.some(({ way }) => way === 'replace'))
    .toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))[0]
}

/** Whether it holds on to the data of the instance. */
export function isUp({ state }: Pick<Candidate, 'state'>): boolean {
  return ['running', 'paused', 'restarting'].includes(state)
}

/** A name for the next container while the one before still has its own. Pure. */
export function passingName({ name }: ContainerSpec, all: readonly Candidate[]): string {
  const taken = new Set(all.map(({ spec }) => spec.name))
  const names = [name, ...all.map((_, at) => `${name}.next${at === 0 ? '' : at + 1}`), `${name}.next0`]
  return names.find((one) => !taken.has(one)) ?? name
}
