/* Generated from schemas/template.schema.json by tools/generate-types.ts: edit the schema. */

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
 * Settings that instances share.
 */
export interface Template {
  /**
   * The version of the resource format.
   */
  apiVersion: 'weir/v1'
  /**
   * The kind of this resource.
   */
  kind: 'Template'
  metadata: Metadata
  /**
   * Everything an Instance may say except its name, team, host names and port.
   */
  spec: {
    /**
     * The name of a Stack.
     */
    stack?: string
    /**
     * What runs the instance. The configuration names the default.
     */
    driver?: 'localfs'
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
}
/**
 * The flows' own HTTP endpoints and dashboards.
 */
export interface Endpoints {
  /**
   * Who may call them: anybody; members of the team by name and password (HTTP Basic); or members signed in by their browser, and machines with a bearer token.
   */
  access?: 'public' | 'basic' | 'members'
}
