import type { Knex } from 'knex'

/** A database that is open and has the present schema, as the tables use it. */
export interface Database {
  /** For reading. */
  readonly db: Knex
  /**
   * Runs what writes as one transaction, one after the other: what it has read stays as it is until it ends, on every engine.
   * Nothing is written otherwise. Inside, only `trx` may be used.
   */
  readonly inTurn: <T>(work: (trx: Knex.Transaction) => Promise<T>) => Promise<T>
  /** Nobody else writes while this is open: what was read once need not be read again. */
  readonly soleWriter: boolean
}
