/* Generated from schemas/user.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * A person.
 */
export interface User {
  /**
   * The version of the resource format.
   */
  apiVersion: 'weir/v1'
  /**
   * The kind of this resource.
   */
  kind: 'User'
  metadata: Metadata
  /**
   * Who the person is and how they sign in.
   */
  spec: {
    /**
     * The name shown to people, 1 to 128 characters.
     */
    displayName?: string
    /**
     * The e-mail address.
     */
    email?: string
    /**
     * An argon2id or bcrypt hash of the password, as `reconcile hash-password` prints it.
     */
    passwordHash?: string
    /**
     * true: may read everything the platform shows, in every team.
     */
    admin?: boolean
    /**
     * Read tokens for the status API, and for the instances that the user may see, or for one of them. At most 20.
     *
     * @maxItems 20
     *
     * Items: One token; the token itself is never stored.
     */
    tokens?: {
      /**
       * What the token is for.
       */
      name: string
      /**
       * The SHA-256 of the token, as 64 lower-case hexadecimal digits.
       */
      sha256: string
      /**
       * When the token stops working (RFC 3339). Without it the token does not expire.
       */
      expires?: string
      /**
       * What the token opens (default: both): `status`, the status API, or `instances`, those that the user may see.
       *
       * @minItems 1
       *
       * Items: The status API, or the admin API and endpoints of instances.
       */
      for?: ('status' | 'instances')[]
    }[]
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
