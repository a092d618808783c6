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

/** Who we are to a registry that an engine pulls images from. */
export interface RegistryAccount {
  /** As it begins the name of an image: `HOST` or `HOST:PORT`; `docker.io` for images that name none. */
  readonly address: string
  readonly user: string
  /** The file with the password or token, by its absolute path. */
  readonly password: string
}

/** Where an engine is, for the program ssh. */
export interface SshTarget {
  /** `HOST` or `USER@HOST`; it does not begin with a hyphen. */
  readonly target: string
  readonly port?: number
  readonly key?: string
  readonly knownHosts?: string
}
