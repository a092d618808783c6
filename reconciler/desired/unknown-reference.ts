import type { Finding, Path } from './finding.ts'
import type { ResourceIndex } from './index-resources.ts'
import { nearest } from './nearest.ts'
import type { Kind } from '../model/resource.ts'

interface Reference {
  readonly file: string
  readonly document: number
  readonly path: Path
  readonly kind: Exclude<Kind, 'Instance'>
  readonly name: string
}

const listOf = { Team: 'teams', User: 'users', Stack: 'stacks', Template: 'templates' } as const

/** Comparing a name with all others takes its time, and who has so many mistakes has made another one. */
const guessesPerRevision = 100
const guesses = new WeakMap<ResourceIndex, number>()

function mayStillGuess(index: ResourceIndex): boolean {
  const count = (guesses.get(index) ?? 0) + 1
  guesses.set(index, count)
  return count <= guessesPerRevision
}

/** A name that no valid resource bears; whether it is unknown or itself invalid decides what is said. */
export function unknownReference(reference: Reference, index: ResourceIndex): Finding {
  const { file, document, path, kind, name } = reference
  const place = { severity: 'error', file, document, path } as const
  if (index.invalid.get(kind)?.has(name) === true)
    return {
      ...place,
      code: 'depends-on-invalid',
      message: `${kind} "${name}" is invalid`,
      remedy: `mend the ${kind} first; its own error is listed too`,
    }
  const meant = mayStillGuess(index) ? nearest(name, index[listOf[kind]].keys()) : undefined
  return {
    ...place,
    code: 'unknown-reference',
    message: `there is no ${kind} "${name}"`,
    remedy: meant === undefined ? `declare it, or name another ${kind}` : `did you mean "${meant}"?`,
  }
}
