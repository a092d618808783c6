/** What a source holds at one moment: a commit, or the digest of a directory's content. */
export interface Revision {
  readonly id: string
  readonly kind: 'commit' | 'directory'
  /** Of a commit: who wrote it, its subject, and when (RFC 3339). */
  readonly author?: string
  readonly subject?: string
  readonly at?: string
}

/** A revision for people: the first 12 digits. */
export function shortRevision(id: string): string {
  return id.slice(0, 12)
}
