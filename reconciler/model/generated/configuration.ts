/* Generated from schemas/configuration.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * The configuration of the reconciler. Every path is relative to the file it stands in.
 */
export interface Configuration {
  /**
   * Where the manifests are.
   */
  source?: {
    /**
     * A directory, a local Git repository, or a Git URL (https or ssh).
     */
    url: string
    /**
     * The branch. Default: the branch that HEAD of the repository names.
     */
    branch?: string
    /**
     * The folder inside the source that holds the manifests. Default: all of it.
     */
    path?: string
    /**
     * How often a Git source is asked for news: a whole number of ms, s, m or h. Spread by up to 10 %.
     */
    interval?: string
    /**
     * The URL schemes that may be used.
     */
    allow?: ('https' | 'ssh' | 'http' | 'file' | 'git')[]
    /**
     * A file with `user:password` or a bare token, for https.
     */
    credentials?: string
    /**
     * A file with the private key, for ssh.
     */
    sshKey?: string
    /**
     * A known_hosts file, for ssh. Without it the one of the user that runs the reconciler is used.
     */
    knownHosts?: string
  }
  /**
   * The folder for everything the reconciler keeps.
   */
  data?: string
  /**
   * The file with the fleet's master key: 64 hexadecimal digits. Default: fleet.key in the data folder. Made where the fleet has no instance yet.
   */
  key?: string
  /**
   * Where the store is: `sqlite:FILE` or `postgres://USER@HOST:PORT/DATABASE?…`, as told below. Default: weir.db in the data folder.
   */
  store?: string
  /**
   * Host and port of the doors.
   */
  listen?: string
  /**
   * The addresses or networks (CIDR) of proxies in front of the doors. Their X-Forwarded-For tells where a sign-in comes from.
   *
   * @maxItems 20
   */
  trustProxy?: string[]
  /**
   * How people sign in.
   */
  identity?: {
    /**
     * The URL that browsers reach the identity door by; it ends in `/identity`. Default: `http://` + `listen` + `/identity`.
     */
    issuer?: string
    /**
     * How long a browser stays signed in, at the doors and at every instance. A change restarts Node-RED.
     */
    sessionHours?: number
    /**
     * An OpenID Connect provider that people have accounts with. Who signs in there is the User that declares the verified e-mail address.
     */
    upstream?: {
      /**
       * Its issuer URL. Register `<identity.issuer>/upstream/callback` there as redirect URI.
       */
      issuer: string
      /**
       * The id that the reconciler has there.
       */
      clientId: string
      /**
       * A file with the secret that belongs to it.
       */
      clientSecret: string
      /**
       * What the sign-in page calls it. Default: its host name.
       */
      displayName?: string
    }
  }
  /**
   * How browsers reach the host names of instances: what the proxy in front of them is. A change restarts Node-RED.
   */
  routing?: {
    /**
     * `http` sends sign-ins and all else over the network for everybody to read: for trying out on one machine.
     */
    scheme?: 'https' | 'http'
    /**
     * Its port. Default: the usual one of the scheme.
     */
    port?: number
  }
  /**
   * The driver of an Instance that names none.
   */
  driver?: 'localfs' | 'docker'
  /**
   * When drift is looked for and corrected: a cron expression of five or six fields, in UTC.
   */
  schedule?: string
  /**
   * How many actions run at once.
   */
  concurrency?: number
  /**
   * The folder with one file per secret.
   */
  secrets?: string
  /**
   * What may refuse a plan.
   */
  policy?: {
    /**
     * The share of the instances that one plan may delete, where there are at least 4.
     */
    maxDeletions?: string
  }
  /**
   * The localfs driver.
   */
  localfs?: {
    /**
     * The address that editors listen on.
     */
    host?: string
    /**
     * The first port given to an instance that declares none.
     */
    firstPort?: number
    /**
     * Where instances reach the doors. Default: the address of `listen`. A change reaches an instance when its launcher is started next.
     */
    runtimeUrl?: string
    /**
     * Whether the install scripts of npm modules may run.
     */
    allowInstallScripts?: boolean
  }
  /**
   * The docker driver. It is there where this, or `driver: docker`, is.
   */
  docker?: {
    /**
     * The Docker Engine: `unix:///PATH`, `tcp://HOST:PORT` with TLS, or `ssh://USER@HOST`, which needs the program ssh here and docker there.
     */
    host?: string
    /**
     * The files that TLS needs, for tcp.
     */
    tls?: {
      /**
       * The certificate authority of the engine.
       */
      ca: string
      /**
       * The reconciler's certificate.
       */
      cert: string
      /**
       * Its private key.
       */
      key: string
    }
    /**
     * A file with the private key, for ssh.
     */
    sshKey?: string
    /**
     * A known_hosts file, for ssh. Without it the one of the user that runs the reconciler is used.
     */
    knownHosts?: string
    /**
     * The network that containers are in; made where it is missing. The reconciler has to reach addresses in it, and nginx-proxy has to be in it.
     */
    network?: string
    /**
     * The image of an instance whose Stack names none, without its tag, which is the version of Node-RED.
     */
    image?: string
    /**
     * Whether an image that the engine does not have is pulled.
     */
    pull?: 'never' | 'missing'
    /**
     * Who the reconciler is to registries that let not everybody pull. From others it pulls as anybody.
     */
    registries?: {
      /**
       * The registry as it begins the name of an image: `HOST` or `HOST:PORT`. `docker.io` is the one of images that name none.
       */
      address: string
      /**
       * The user.
       */
      user: string
      /**
       * The file with the user's password or token. It is read before each pull.
       */
      password: string
    }[]
    /**
     * Where containers reach the doors. Default: `http://host.docker.internal` with the port of `listen`, which must then be an address that containers reach. A change replaces containers.
     */
    runtimeUrl?: string
    /**
     * Limits of the engine's log of a container. A change replaces containers.
     */
    log?: {
      /**
       * The size of one file.
       */
      maxSize?: string
      /**
       * How many files are kept.
       */
      maxFiles?: number
    }
    /**
     * Whether the install scripts of npm modules may run.
     */
    allowInstallScripts?: boolean
  }
  /**
   * Logging.
   */
  log?: {
    /**
     * The least severe level that is written.
     */
    level?: 'trace' | 'debug' | 'info' | 'warn' | 'error'
  }
}
