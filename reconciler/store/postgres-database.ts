import { callbackify } from 'node:util'
import knexPackage, { type Knex } from 'knex'
import type { Client } from 'pg'
import type { PostgresTarget } from '../model/store-url.ts'
import { connectionConfig, prepareConnection, type Preparation } from './postgres-connection.ts'
import { closeSockets, createSockets } from './postgres-sockets.ts'

/** Milliseconds to wait for a free connection of the pool, or a new one. */
const patience = 20_000
/** Milliseconds that an answer may take beyond what a statement may. */
const answerWithin = 10_000

/** A pool of connections, which ends with `stack`. Nothing is read or written before the first query. */
export async function postgresDatabase(
  stack: AsyncDisposableStack,
  target: PostgresTarget,
  access: Preparation['access'],
): Promise<Knex> {
  const { statementTimeout } = target
  const limits = { access, statementTimeout, silence: statementTimeout + answerWithin }
  const sockets = createSockets()
  const quiet = (): void => undefined
  const db = knexPackage.knex({
    client: 'pg',
    connection: await connectionConfig(target, 'store', sockets),
    // What a statement was to write may be secret, and errors are logged.
    compileSqlOnError: false,
    acquireConnectionTimeout: patience,
    // Every error reaches the caller, who says it better.
    log: { error: quiet, warn: quiet, deprecate: quiet, debug: quiet },
    pool: {
      min: 0,
      max: target.pool,
      afterCreate: callbackify(async (client: Client) => {
        await prepareConnection(client, limits)
        return client
      }),
    },
  })
  stack.defer(async () => closeSockets(sockets, async () => db.destroy()))
  return db
}

/**
 * Makes columns of these tables what SQLite has for them: texts of any length, compared and sorted by their bytes and not by the
 * rules of some language. Idempotent.
 */
export async function likeSqlite(db: Knex, tables: readonly string[]): Promise<void> {
  const { rows }: { readonly rows: readonly { readonly table: string; readonly column: string }[] } =
    await db.raw(
      `SELECT c.table_name AS "table", c.column_name AS "column" FROM information_schema.columns c
      WHERE c.table_schema = current_schema() AND c.data_type = 'character varying' AND c.table_name = ANY(?)`,
      [[...tables]],
    )
  for (const { table, column } of rows)
    await db.raw('ALTER TABLE ?? ALTER COLUMN ?? TYPE text COLLATE "C"', [table, column])
}

/** The tables that are there, in no order: without views, and without what belongs to extensions. */
export async function postgresTables(db: Knex): Promise<readonly string[]> {
  const { rows }: { readonly rows: readonly { readonly name: string }[] } = await db.raw(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`,
  )
  return rows.map(({ name }) => name)
}

/** By table: the last id that it was given by its counter; 0 where it had none. */
export async function countersOf(db: Knex): Promise<ReadonlyMap<string, number>> {
  const { rows }: { readonly rows: readonly { readonly table: string; readonly last: string | null }[] } =
    await db.raw(`SELECT t.relname AS "table", s.last_value AS "last" FROM pg_sequences s
      JOIN pg_class c ON c.relname = s.sequencename AND c.relnamespace = current_schema()::regnamespace
      JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'a' JOIN pg_class t ON t.oid = d.refobjid
      WHERE s.schemaname = current_schema()`)
  return new Map(rows.map(({ table, last }) => [table, Number(last ?? 0)]))
}

export async function setCounter(db: Knex, table: string, last: number): Promise<void> {
  if (last > 0) await db.raw(`SELECT setval(pg_get_serial_sequence(?, 'id'), ?)`, [table, last])
}
