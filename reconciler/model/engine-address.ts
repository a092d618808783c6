/** How a Docker Engine is reached. Paths are absolute. */
export type EngineAddress =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tls'
      readonly host: string
      readonly port: number
      readonly ca: string
      readonly cert: string
      readonly key: string
    }
  | (SshTarget & { readonly kind: 'ssh' })

/** Where an engine is, for the program ssh. */
export interface SshTarget {
  /** `HOST` or `USER@HOST`; it does not begin with a hyphen. */
  readonly target: string
  readonly port?: number
  readonly key?: string
  readonly knownHosts?: string
}
