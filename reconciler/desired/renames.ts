import type { Finding } from './finding.ts'
import type { Located, ResourceIndex } from './index-resources.ts'
import type { InstanceDocument } from '../model/resource.ts'

/**
 * Instances by their present name to the former one that `metadata.previously` gives, those of invalid manifests
 * included, and what is wrong with them. Of two that follow one former name neither is right.
 */
export function findRenames(index: ResourceIndex): {
  readonly renames: ReadonlyMap<string, string>
  readonly findings: ReadonlyMap<string, Finding>
} {
  const renames = declaredRenames(index)
  const followers = Map.groupBy(renames.keys(), (name) => renames.get(name))
  const findings = new Map<string, Finding>()
  for (const [name, previously] of renames) {
    const located = index.instances.get(name)
    const other = followers.get(previously)?.find((follower) => follower !== name)
    const problem = problemWith(previously, other, index)
    if (located !== undefined && problem !== undefined)
      findings.set(name, { ...placeOf(located), code: 'invalid-rename', severity: 'error', ...problem })
  }
  return { renames, findings }
}

function declaredRenames(index: ResourceIndex): ReadonlyMap<string, string> {
  const valid = [...index.instances].map(
    ([name, { resource }]) => [name, resource.metadata.previously] as const,
  )
  const invalid = [...(index.invalid.get('Instance') ?? [])].map(
    ([name, { previously }]) => [name, previously] as const,
  )
  return new Map(
    [...invalid, ...valid].flatMap(([name, previously]) =>
      previously === undefined || previously === name ? [] : [[name, previously]],
    ),
  )
}

function problemWith(
  previously: string,
  other: string | undefined,
  index: ResourceIndex,
): Pick<Finding, 'message' | 'remedy'> | undefined {
  if (index.instances.has(previously) || index.invalid.get('Instance')?.has(previously) === true)
    return {
      message: `an Instance "${previously}" is still declared`,
      remedy: 'remove one of the two, or drop previously',
    }
  if (other === undefined) return undefined
  return {
    message: `"${other}" was renamed from "${previously}" too`,
    remedy: 'only one instance can follow it',
  }
}

function placeOf({ file, document }: Located<InstanceDocument>): Pick<Finding, 'file' | 'document' | 'path'> {
  return { file, document, path: ['metadata', 'previously'] }
}
