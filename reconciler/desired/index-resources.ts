import type { Finding } from './finding.ts'
import type { Claims, ParsedFile } from './parse-file.ts'
import type {
  InstanceDocument,
  Kind,
  Resource,
  StackDocument,
  TeamDocument,
  TemplateDocument,
  UserDocument,
} from '../model/resource.ts'

/** A valid resource and where it stands. */
export interface Located<R extends Resource> {
  readonly resource: R
  readonly file: string
  readonly document: number
}

/** Every valid resource by name, and the names of those that are declared but invalid. */
export interface ResourceIndex {
  readonly teams: ReadonlyMap<string, Located<TeamDocument>>
  readonly users: ReadonlyMap<string, Located<UserDocument>>
  readonly stacks: ReadonlyMap<string, Located<StackDocument>>
  readonly templates: ReadonlyMap<string, Located<TemplateDocument>>
  readonly instances: ReadonlyMap<string, Located<InstanceDocument>>
  readonly invalid: ReadonlyMap<Kind, ReadonlyMap<string, Claims>>
  /** How many resources the files declare, valid or not. */
  readonly declared: number
  /** Files with a document that does not even say what it is. */
  readonly unread: readonly UnreadFile[]
  readonly findings: readonly Finding[]
}

/** A file that may declare more than is known; its text where that is at hand. */
export interface UnreadFile {
  readonly path: string
  readonly text?: string
}

interface Claim {
  readonly claims: Claims
  readonly file: string
  readonly document: number
  readonly resource?: Resource
}

/** Gathers what all files declare. Of two resources with one name neither is valid: nobody can tell which was meant. */
export function indexResources(files: ReadonlyMap<string, ParsedFile>): ResourceIndex {
  const findings: Finding[] = []
  const claims = [...files].flatMap(([file, parsed]) => {
    for (const finding of parsed.findings) findings.push({ ...finding, file })
    return claimsIn(file, parsed)
  })
  const groups = groupByName(claims)
  const unique: Claim[] = []
  const invalid = new Map<Kind, Map<string, Claims>>()
  for (const group of groups) {
    const clash = clashIn(group)
    for (const finding of clash) findings.push(finding)
    for (const claim of group)
      if (clash.length === 0 && claim.resource !== undefined) unique.push(claim)
      else markInvalid(invalid, claim.claims)
  }
  return {
    teams: ofKind(unique, 'Team'),
    users: ofKind(unique, 'User'),
    stacks: ofKind(unique, 'Stack'),
    templates: ofKind(unique, 'Template'),
    instances: ofKind(unique, 'Instance'),
    invalid,
    declared: claims.length,
    unread: unreadIn(files, groups),
    findings,
  }
}

function claimsIn(file: string, parsed: ParsedFile): readonly Claim[] {
  return parsed.documents.flatMap(({ claims, index, resource }) =>
    claims === undefined
      ? []
      : [{ claims, file, document: index, ...(resource === undefined ? {} : { resource }) }],
  )
}

/** Names that are equal without regard to case fall into one group: file systems and DNS cannot tell them apart. */
function groupByName(claims: readonly Claim[]): readonly (readonly Claim[])[] {
  const groups = new Map<string, Claim[]>()
  for (const claim of claims) {
    const key = `${claim.claims.kind}/${claim.claims.name.normalize('NFKC').toLowerCase()}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [claim])
    else group.push(claim)
  }
  return [...groups.values()]
}

function clashIn(group: readonly Claim[]): readonly Finding[] {
  const [first, ...rest] = group
  if (first === undefined || rest.length === 0) return []
  return group.map((claim): Finding => {
    const other = claim === first ? (rest[0] ?? first) : first
    const same = other.claims.name === claim.claims.name
    return {
      code: same ? 'duplicate-name' : 'similar-name',
      severity: 'error',
      file: claim.file,
      document: claim.document,
      path: ['metadata', 'name'],
      message: same
        ? `${claim.claims.kind} "${claim.claims.name}" is declared in ${other.file} too`
        : `${claim.claims.kind} "${claim.claims.name}" differs only in case from "${other.claims.name}" in ${other.file}`,
      remedy: 'rename one of them, or remove it',
    }
  })
}

function markInvalid(invalid: Map<Kind, Map<string, Claims>>, claims: Claims): void {
  const names = invalid.get(claims.kind) ?? new Map<string, Claims>()
  invalid.set(claims.kind, names)
  const before = names.get(claims.name)
  if (before?.previously === undefined) names.set(claims.name, claims)
}

/** Also files that contradict each other about a former name: whom they mean cannot be told. */
function unreadIn(
  files: ReadonlyMap<string, ParsedFile>,
  groups: readonly (readonly Claim[])[],
): readonly UnreadFile[] {
  const unread = new Map<string, UnreadFile>()
  for (const { file: path } of groups.filter((group) => !agreeOnRename(group)).flat())
    unread.set(path, { path })
  for (const [path, { legible, text }] of files)
    if (!legible) unread.set(path, text === undefined ? { path } : { path, text })
  return [...unread.values()]
}

/** Two resources of one name that give different former names: whom they mean cannot be told. */
function agreeOnRename(group: readonly Claim[]): boolean {
  const formers = new Set(group.flatMap(({ claims }) => claims.previously ?? []))
  return group.length < 2 || formers.size < 2
}

function ofKind<K extends Kind>(
  claims: readonly Claim[],
  kind: K,
): ReadonlyMap<string, Located<Extract<Resource, { kind: K }>>> {
  const found = new Map<string, Located<Extract<Resource, { kind: K }>>>()
  for (const { resource, file, document } of claims)
    if (isKind(resource, kind)) found.set(resource.metadata.name, { resource, file, document })
  return found
}

function isKind<K extends Kind>(
  resource: Resource | undefined,
  kind: K,
): resource is Extract<Resource, { kind: K }> {
  return resource?.kind === kind
}
