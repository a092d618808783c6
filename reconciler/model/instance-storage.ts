/** What an instance's editor keeps. Flows, credentials, settings and sessions are JSON texts: only Node-RED knows their form. */

/** The flows and credentials of one deploy. */
export interface StoredFlows {
  /** Names this content: equal contents have equal revisions. */
  readonly revision: string
  readonly nodes: string
  /** As Node-RED encrypted them. */
  readonly credentials: string
  /** RFC 3339. */
  readonly savedAt: string
  /** Who deployed; absent where no person did. */
  readonly savedBy?: string
  /** Absent in what was saved before it was noted. */
  readonly origin?: FlowsOrigin
}

export const flowsOrigins = ['editor', 'git', 'edit'] as const
/** Whose flows these are: an editor's that owns them, as Git declares them, or an editor's over those of Git. */
export type FlowsOrigin = (typeof flowsOrigins)[number]

/** Flows that declared ones took the place of. */
export interface SetAside extends Omit<StoredFlows, 'origin'> {
  readonly id: number
  readonly origin: 'editor' | 'edit'
  /** RFC 3339. */
  readonly setAsideAt: string
}

/** A deploy that is to be saved. */
export interface FlowsWrite extends StoredFlows {
  /** The revision the writer started from; absent: there were no flows. */
  readonly base?: string
  /** Names this deploy, whatever it holds: one that comes again was saved, also where its contents stand there no more. */
  readonly deploy?: string
}

/** `current`: what stands in the store, where the writer did not start from it and wants something else. */
export type FlowsSaved = { readonly saved: true } | { readonly saved: false; readonly current?: string }

export const documentKinds = ['settings', 'sessions'] as const
/** What Node-RED keeps as one object and writes as a whole. */
export type DocumentKind = (typeof documentKinds)[number]

/** `base`: the SHA-256 of the document the writer started from; absent: there was none. */
export interface DocumentWrite {
  readonly content: string
  readonly base?: string
}

/** An entry of the editor's library. `type` is Node-RED's: flows, functions, templates. */
export interface LibraryEntry {
  readonly type: string
  /** Names separated by `/`, in normal form: see `libraryPath`. */
  readonly path: string
  /** A JSON text. */
  readonly meta: string
  readonly body: string
}

/** What lies in a folder of the library, in order. */
export interface LibraryFolder {
  readonly folders: readonly string[]
  readonly entries: readonly { readonly name: string; readonly meta: string }[]
}

/**
 * `shadowed`: nothing was saved, since a folder in its path is an entry, or there is a folder with its path. `full`: nothing
 * was saved, since an instance may not keep more.
 */
export type LibrarySaved = 'saved' | 'shadowed' | 'full'
