/* Generated from schemas/plan.schema.json by tools/generate-types.ts: edit the schema. */

/**
 * The value now; absent where there is none.
 */
export type Value =
  | string
  | number
  | boolean
  | null
  | Value1[]
  | {
      [k: string]: Value1
    }
/**
 * A JSON value.
 */
export type Value1 =
  | string
  | number
  | boolean
  | null
  | Value1[]
  | {
      [k: string]: Value1
    }
/**
 * A JSON value.
 */
export type Value2 =
  | string
  | number
  | boolean
  | null
  | Value1[]
  | {
      [k: string]: Value1
    }

/**
 * What a reconciliation would do: the output of `reconcile --dry-run --output json`.
 */
export interface Plan {
  /**
   * The version of the format.
   */
  apiVersion: 'weir/v1'
  /**
   * Always Plan.
   */
  kind: 'Plan'
  /**
   * SHA-256 over what the plan would do: the same inputs give the same id.
   */
  id: string
  /**
   * The commit, or the digest of the directory, that the plan brings about.
   */
  revision: string
  /**
   * false: something could not be read or observed; nothing is deleted then.
   */
  complete: boolean
  /**
   * What the plan does to people and instances.
   */
  summary: {
    /**
     * How many instances: create.
     */
    create: number
    /**
     * How many instances: update.
     */
    update: number
    /**
     * How many instances: restart.
     */
    restart: number
    /**
     * How many instances: replace.
     */
    replace: number
    /**
     * How many instances: start.
     */
    start: number
    /**
     * How many instances: stop.
     */
    stop: number
    /**
     * How many instances: delete.
     */
    delete: number
    /**
     * How many instances: adopt.
     */
    adopt: number
    /**
     * How many instances: rename.
     */
    rename: number
    /**
     * How many instances: unchanged.
     */
    unchanged: number
    /**
     * How many instances: held.
     */
    held: number
    /**
     * How many people lose a right on some instance.
     */
    losesAccess: number
    /**
     * How many people gain a right on some instance.
     */
    gainsAccess: number
    /**
     * One line for people.
     */
    headline: string
  }
  /**
   * What is done, in order.
   */
  actions: Action[]
  /**
   * Whose rights change.
   */
  access: AccessChange[]
  /**
   * Policies that refuse the plan. Of a refused plan only its withdrawals are done.
   *
   * Items: One refusal.
   */
  refusals: {
    /**
     * The policy.
     */
    policy: 'max-deletions' | 'delete-all'
    /**
     * What is refused, and why.
     */
    message: string
    /**
     * The option that allows it.
     */
    remedy: string
  }[]
  /**
   * What is done although the plan is refused: rights that Git has taken away end where an instance runs.
   */
  withdrawals?: Action[]
  /**
   * What is held back, and why.
   *
   * Items: One problem.
   */
  problems: {
    /**
     * A code of docs/errors.md.
     */
    code: string
    /**
     * What is wrong.
     */
    message: string
    /**
     * The instance it is about.
     */
    target?: string
  }[]
}
/**
 * One step.
 */
export interface Action {
  /**
   * What is done.
   */
  kind: 'create' | 'update' | 'restart' | 'replace' | 'start' | 'stop' | 'delete' | 'adopt' | 'rename'
  /**
   * The instance.
   */
  target: {
    /**
     * Its name.
     */
    name: string
    /**
     * Its identity; absent before it is created.
     */
    uid?: string
    /**
     * Its former name, in a rename.
     */
    previously?: string
    /**
     * What runs it.
     */
    driver?: string
  }
  /**
   * Why the step is needed.
   */
  cause: 'change' | 'drift' | 'change and drift'
  /**
   * The reason, from a closed list (docs/glossary.md).
   */
  reason:
    | 'declared'
    | 'undeclared'
    | 'unowned'
    | 'spec-changed'
    | 'drifted'
    | 'missing'
    | 'unfinished'
    | 'renamed'
    | 'renamed-and-changed'
  /**
   * What a user of the instance feels.
   */
  effect: 'nothing' | 'created' | 'flows restart' | 'replaced' | 'started' | 'stopped' | 'gone'
  /**
   * Field by field.
   */
  changes: Change[]
  edited?: Edited
}
/**
 * One field that differs. A secret never shows its value: it is marked as changed.
 */
export interface Change {
  /**
   * The field, in dotted form.
   */
  path: string
  /**
   * change: Git differs from what was last applied. drift: what runs differs from what was last applied.
   */
  cause: 'change' | 'drift'
  from?: Value
  to?: Value2
  /**
   * Present when the field is secret and its value changed.
   */
  secret?: 'changed'
}
/**
 * What was deployed in the editor over the flows that Git declares; absent where nothing was, or it is not known.
 */
export interface Edited {
  /**
   * How many nodes run that Git does not declare.
   */
  added: number
  /**
   * How many nodes run otherwise than Git declares.
   */
  changed: number
  /**
   * How many nodes Git declares and do not run.
   */
  removed: number
  /**
   * Who deployed last; absent where it is not known.
   */
  by?: string
  /**
   * When, RFC 3339.
   */
  at?: string
  /**
   * The first of them. All counts 0 and none here: the nodes stand in another order.
   *
   * @maxItems 20
   *
   * Items: One node.
   */
  nodes: {
    /**
     * What was done to it.
     */
    edit: 'added' | 'changed' | 'removed'
    /**
     * Its type, at most 100 characters.
     */
    type: string
    /**
     * Its name or label, at most 100 characters; absent where it has none.
     */
    name?: string
    /**
     * Its id, at most 100 characters.
     */
    id: string
  }[]
  /**
   * How many further nodes are not named.
   */
  more: number
}
/**
 * One right.
 */
export interface AccessChange {
  /**
   * The person.
   */
  user: string
  /**
   * The instance.
   */
  instance: string
  /**
   * The role before; absent: none.
   */
  from?: string
  /**
   * The role afterwards; absent: none.
   */
  to?: string
}
