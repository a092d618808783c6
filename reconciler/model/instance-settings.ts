/**
 * What an instance declares of its editor, endpoints and function nodes. Plain JSON; what is absent is Node-RED's default.
 * Type aliases, since only those count as `Json`.
 */

export type EditorSettings = {
  /** IANA name. */
  readonly timeZone?: string
  /** The id of a theme plugin. */
  readonly theme?: string
  readonly header?: { readonly title?: string; readonly url?: string }
  readonly tours?: boolean
  readonly codeEditor?: {
    readonly library?: 'monaco' | 'ace'
    readonly options?: { readonly [name: string]: string | number | boolean }
  }
  /** In characters. */
  readonly debugMaxLength?: number
  readonly palette?: Palette
}

/** Rules are names of packages with `*` for any characters, and optionally `@` and a range of versions. */
export type Palette = {
  readonly allowInstall?: boolean
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  /** URLs. */
  readonly catalogues?: readonly string[]
  /** Names of files. */
  readonly excludeNodes?: readonly string[]
}

export type FunctionModules = {
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly allowInstall?: boolean
}

export type EndpointSettings = {
  readonly cors?: Cors
  /** A quantity such as `5Mi`. */
  readonly bodyLimit?: string
  readonly static?: readonly { readonly path: string; readonly root: string }[]
}

/** See https://fetch.spec.whatwg.org/#http-cors-protocol. */
export type Cors = {
  readonly origins: readonly string[]
  readonly methods?: readonly string[]
  readonly headers?: readonly string[]
  readonly credentials?: boolean
  /** In seconds. */
  readonly maxAge?: number
}
