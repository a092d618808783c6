/* Generated from schemas/stack.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * What an instance runs on.
 */
export interface Stack {
  /**
   * The version of the resource format.
   */
  apiVersion: 'weir/v1'
  /**
   * The kind of this resource.
   */
  kind: 'Stack'
  metadata: Metadata
  /**
   * The versions an instance runs on.
   */
  spec: {
    /**
     * The exact Node-RED version, 5.0.0 or newer, from npm.
     */
    nodeRed: string
    /**
     * The major version of Node.js. Installed from npm where the machine has another.
     */
    node?: number
    /**
     * The container image, for drivers that run containers.
     */
    image?: string
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
