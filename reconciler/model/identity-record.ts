/** Something the identity door must remember: a session, a code, a token, a grant, a sign-in under way. */
export interface IdentityRecord {
  readonly kind: string
  /** Whoever has what it stands for presents it; so it is a digest, and the store holds nothing that can be presented. */
  readonly id: string
  /** JSON. */
  readonly content: string
  /** It goes when this grant is revoked. */
  readonly grant?: string
  /** The lasting name of a browser session, which its id is not. */
  readonly session?: string
  /** Milliseconds since 1970. From then on it is as if it were not there. */
  readonly expiresAt: number
}

/** What was found of a record. */
export interface FoundRecord {
  readonly content: string
  /** Milliseconds since 1970: it has been used up. */
  readonly consumedAt?: number
}

/** Failed sign-ins under one key in the present window. */
export interface FailureCount {
  readonly count: number
  /** When the window ends, in milliseconds since 1970. */
  readonly endsAt: number
}
