/* Generated from schemas/metadata.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * What every resource carries beside its spec.
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
