/* Generated from schemas/team.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * A team: the people who share a set of instances.
 */
export interface Team {
  /**
   * The version of the resource format.
   */
  apiVersion: 'weir/v1'
  /**
   * The kind of this resource.
   */
  kind: 'Team'
  metadata: Metadata
  /**
   * What the team is.
   */
  spec: {
    /**
     * The name shown to people, 1 to 128 characters.
     */
    displayName?: string
    /**
     * Who belongs to the team, and as what. At most 1000.
     *
     * @maxItems 1000
     *
     * Items: One member.
     */
    members?: {
      /**
       * The name of a User.
       */
      user: string
      /**
       * owner and member edit flows; viewer sees the editor read-only; dashboard may call HTTP endpoints and dashboards only.
       */
      role: 'owner' | 'member' | 'viewer' | 'dashboard'
    }[]
    /**
     * What an Instance of this team gets when it does not say otherwise.
     */
    defaults?: {
      /**
       * The name of a Template.
       */
      template?: string
    }
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
