/* Generated from schemas/instance.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * Environment variables of Node-RED. At most 500; merged by name.
 *
 * @maxItems 500
 *
 * Items: One variable: a value, or a secret to read it from.
 */
export type Env = {
  /**
   * The name of the variable. Names that change how Node.js itself starts (NODE_OPTIONS, LD_PRELOAD and the like) are refused.
   */
  name: string
  /**
   * The value, at most 32768 characters.
   */
  value?: string
  /**
   * Where the value comes from.
   */
  valueFrom?: {
    /**
     * The name of a file in the folder of secrets.
     */
    secret: string
  }
}[]

/**
 * One Node-RED.
 */
export interface Instance {
  /**
   * The version of the resource format.
   */
  apiVersion: 'weir/v1'
  /**
   * The kind of this resource.
   */
  kind: 'Instance'
  metadata: Metadata
  /**
   * What is to run.
   */
  spec: {
    /**
     * The name of the Team the instance belongs to.
     */
    team: string
    /**
     * The name of a Template. Default: the team's.
     */
    template?: string
    /**
     * The name of a Stack.
     */
    stack?: string
    /**
     * What runs the instance. The configuration names the default.
     */
    driver?: 'localfs' | 'docker'
    /**
     * Whether the instance is to run. Stopped keeps its data and its port.
     */
    state?: 'running' | 'stopped'
    resources?: Resources
    env?: Env
    modules?: Modules
    flows?: Flows
    editor?: Editor
    endpoints?: Endpoints
    functionModules?: FunctionModules
    /**
     * Where flows keep context: memory, gone with Node-RED, or file, in the instance's folder, written within a second; memory is then there too, as a store of that name.
     */
    context?: 'memory' | 'file'
    certificates?: Certificates
    /**
     * The host name a proxy or ingress routes to the instance, without a dot at its end; no address.
     */
    hostname?: string
    /**
     * Further host names. At most 20.
     *
     * @maxItems 20
     */
    hostnames?: string[]
    /**
     * The TCP port of the editor (localfs only); the launcher listens 1000 above it. Default: allocated from 12080 up and kept.
     */
    port?: number
  }
}
/**
 * Name, labels and former name.
 */
export interface Metadata {
  /**
   * The name of the resource: a DNS label, unique per kind.
   */
  name: string
  /**
   * Free key and value pairs for people and tools; they change nothing that runs.
   */
  labels?: {
    [k: string]: string
  }
  /**
   * The name this resource had before a rename. An Instance keeps its identity, data, port and URL path.
   */
  previously?: string
}
/**
 * Limits.
 */
export interface Resources {
  /**
   * The memory limit of Node-RED: a whole number of Mi (2^20 bytes), Gi (2^30), M (10^6) or G (10^9); at least 64Mi.
   */
  memory?: string
  /**
   * The CPU limit: whole cores, or thousandths of a core with the suffix m. The localfs driver does not limit CPU and says so.
   */
  cpu?: string
}
/**
 * npm packages with Node-RED nodes: name to exact version.
 */
export interface Modules {
  /**
   * An exact version (SemVer).
   */
  [k: string]: string
}
/**
 * Flows declared in Git, and the key of their credentials. Without a path the editor owns the flows.
 */
export interface Flows {
  /**
   * A flows file in the export format of Node-RED, relative to the file that names it, inside the source path. Without it the editor owns the flows.
   */
  path?: string
  /**
   * A credentials file of Node-RED for these flows, encrypted with the key of the instance: relative to the file that names it, inside the source path. Needs a path. Without it the credentials are those that were entered in the editor.
   */
  credentials?: string
  /**
   * What a deploy in the editor over declared flows comes to. revert: it is drift, and is put back. lock: the editor is read-only for everyone. Needs a path.
   */
  onEdit?: 'revert' | 'lock'
  /**
   * The name of a file in the folder of secrets: the key that Node-RED encrypts credentials with. Default: a key of the instance's own, made once.
   */
  credentialSecret?: string
}
/**
 * The editor.
 */
export interface Editor {
  /**
   * false: no editor is served; flows and their HTTP endpoints run.
   */
  enabled?: boolean
  /**
   * The title of the editor page, 1 to 128 characters. Default: the name of the instance.
   */
  title?: string
  /**
   * The time zone of the flows, by its IANA name.
   */
  timeZone?: string
  /**
   * The id of a theme, such as one that a package in modules brings.
   */
  theme?: string
  /**
   * The header of the editor page.
   */
  header?: {
    /**
     * The title in the header, 1 to 128 characters. Default: that of the page.
     */
    title?: string
    /**
     * Where the header leads to: an http or https URL.
     */
    url?: string
  }
  /**
   * false: the editor offers no tours of its new features.
   */
  tours?: boolean
  /**
   * The editor of code in nodes.
   */
  codeEditor?: {
    /**
     * What edits code.
     */
    library?: 'monaco' | 'ace'
    /**
     * Options of that library: text, number or boolean by name.
     */
    options?: {
      [k: string]: string | number | boolean
    }
  }
  /**
   * How many characters of a message the debug sidebar shows.
   */
  debugMaxLength?: number
  /**
   * The palette, and what may be installed from the editor.
   */
  palette?: {
    /**
     * true: members who edit flows may install packages in the editor. They are kept beside the declared ones; declared ones cannot be updated there.
     */
    allowInstall?: boolean
    /**
     * Packages that may be installed and loaded, by name with * for any characters, and @ with a range of versions. Absent: all. Packages in modules are allowed without being listed. At most 200.
     *
     * @maxItems 200
     *
     * Items: The name of a package, with * for any characters, and optionally @ with a range of versions.
     */
    allow?: string[]
    /**
     * Packages that may neither be installed nor loaded; of two entries that fit, the one that is more exact counts. At most 200.
     *
     * @maxItems 200
     *
     * Items: The name of a package, with * for any characters, and optionally @ with a range of versions.
     */
    deny?: string[]
    /**
     * URLs of catalogues of packages that the editor offers. Absent: that of Node-RED. At most 20.
     *
     * @maxItems 20
     */
    catalogues?: string[]
    /**
     * Files of nodes that are not loaded, such as 90-exec.js. At most 200.
     *
     * @maxItems 200
     *
     * Items: The name of a file.
     */
    excludeNodes?: string[]
  }
}
/**
 * The flows' own HTTP endpoints and dashboards.
 */
export interface Endpoints {
  /**
   * Who may call them: anybody; members of the team by name and password (HTTP Basic); or members signed in by their browser, and machines with a bearer token.
   */
  access?: 'public' | 'basic' | 'members'
  /**
   * Which pages of other origins may call them (CORS). Absent: none.
   */
  cors?: {
    /**
     * Origins such as https://panel.example.com, or * for every one. At most 50.
     *
     * @minItems 1
     * @maxItems 50
     */
    origins: string[]
    /**
     * The methods. Default: GET, HEAD, POST, PUT, PATCH and DELETE.
     *
     * @minItems 1
     * @maxItems 7
     */
    methods?: ('GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS')[]
    /**
     * The headers that a request may carry. Absent: those it asks for. At most 50.
     *
     * @maxItems 50
     */
    headers?: string[]
    /**
     * true: a page may send cookies and passwords. Not together with the origin *.
     */
    credentials?: boolean
    /**
     * For how many seconds a browser may remember the answer.
     */
    maxAge?: number
  }
  /**
   * The largest body of a request: a whole number of Ki (2^10 bytes) or Mi (2^20); at least 64Ki. Default: 5Mi. A larger one holds for deploys too.
   */
  bodyLimit?: string
  /**
   * Folders whose files are served as they are, with the same access. At most 20.
   *
   * @maxItems 20
   *
   * Items: One folder.
   */
  static?: {
    /**
     * The folder, below static/ in the instance's own folder, where flows write to it as static/PATH. It is made if it is not there. Links that lead out of it are not followed.
     */
    path: string
    /**
     * Where it is served, such as /assets.
     */
    root: string
  }[]
}
/**
 * Modules that function nodes may use. Absent: none.
 */
export interface FunctionModules {
  /**
   * Packages and modules of Node.js, by name with * for any characters. At most 200.
   *
   * @maxItems 200
   *
   * Items: The name of a package, with * for any characters, and optionally @ with a range of versions.
   */
  allow?: string[]
  /**
   * Of those that allow names, the ones that function nodes may not use. At most 200.
   *
   * @maxItems 200
   *
   * Items: The name of a package, with * for any characters, and optionally @ with a range of versions.
   */
  deny?: string[]
  /**
   * true: a deploy installs packages that are allowed and not in modules.
   */
  allowInstall?: boolean
}
/**
 * Certificate authorities to trust beside those that Node.js knows.
 */
export interface Certificates {
  /**
   * A file of certificates in PEM form, relative to the file that names it, inside the source path.
   */
  path: string
}
