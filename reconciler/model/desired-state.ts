import type { Diagnostic } from './diagnostic.ts'
import type { Digest } from './digest.ts'
import type { ResolvedInstance, TeamDocument, UserDocument } from './resource.ts'
import type { Revision } from './revision.ts'

/** What Git declares at one revision. */
export interface DesiredState {
  readonly revision: Revision
  readonly teams: ReadonlyMap<string, TeamDocument>
  readonly users: ReadonlyMap<string, UserDocument>
  /** Users that are declared, but in a document that is invalid and was never known to be valid. */
  readonly invalidUsers: ReadonlySet<string>
  /** Teams that are declared, but in a document that is invalid. */
  readonly invalidTeams: ReadonlySet<string>
  readonly unread: Unread
  readonly instances: ReadonlyMap<string, ResolvedInstance>
  /** Instance by its present name to its former one. */
  readonly renames: ReadonlyMap<string, string>
  /** Instances that are declared but cannot be planned, with the reason: they are left exactly as they are. */
  readonly held: ReadonlyMap<string, string>
  /** Flows files by the digest that a resolved instance names: the text as it stands in Git. */
  readonly flows: ReadonlyMap<Digest, string>
  /** Credentials files by digest: the text as it stands in Git, encrypted. */
  readonly credentials: ReadonlyMap<Digest, string>
  /** Files of certificates by the digest that a resolved instance names, in PEM form. */
  readonly certificates: ReadonlyMap<Digest, string>
  /** false: some document could not be read, so that what it declares is unknown and nothing may be deleted. */
  readonly complete: boolean
  readonly diagnostics: readonly Diagnostic[]
}

/** What is not certain while some file cannot be read, since anything may be declared there. */
export interface Unread {
  /** Those files; none where all could be read. */
  readonly files: readonly string[]
  /** Users that no file declares that could be read: they are as last known. */
  readonly asLastKnown: ReadonlySet<string>
  /** Who was declared in a file that was removed, and stands in none of those that cannot be read. */
  readonly gone: Gone
}

export interface Gone {
  readonly users: ReadonlySet<string>
  readonly teams: ReadonlySet<string>
}

export const nothingUnread: Unread = {
  files: [],
  asLastKnown: new Set(),
  gone: { users: new Set(), teams: new Set() },
}
