import type { Knex } from 'knex'
import { firstTables } from './0001-first-tables.ts'
import { instanceStorage } from './0002-instance-storage.ts'
import { auditTrail } from './0003-audit-trail.ts'
import { identity } from './0004-identity.ts'
import { credentialKeys } from './0005-credential-keys.ts'
import { announcedSpec } from './0006-announced-spec.ts'

/** Every step from an empty database to the present schema, oldest first. A published step never changes. */
export const migrations: ReadonlyMap<string, Knex.Migration> = new Map([
  ['0001-first-tables', firstTables],
  ['0002-instance-storage', instanceStorage],
  ['0003-audit-trail', auditTrail],
  ['0004-identity', identity],
  ['0005-credential-keys', credentialKeys],
  ['0006-announced-spec', announcedSpec],
])

const table = 'migrations'

const source: Knex.MigrationSource<string> = {
  getMigrations: async () => [...migrations.keys()],
  getMigrationName: (name) => name,
  getMigration: async (name) => {
    const migration = migrations.get(name)
    if (!migration) throw new Error(`no migration is called ${name}`)
    return migration
  },
}

/** Brings the schema up to date in one transaction. The caller is the only writer. */
export async function migrate(db: Knex): Promise<void> {
  const config = { migrationSource: source, tableName: table }
  // A process killed in a migration leaves Knex's own lock behind; ours died with it.
  if (await db.schema.hasTable(table)) await db.migrate.forceFreeMigrationsLock(config)
  await db.migrate.latest(config)
}

export interface SchemaAge {
  /** Steps that the database has and this program does not know: a newer version wrote it. */
  readonly unknown: readonly string[]
  readonly pending: readonly string[]
}

/** Compares the database with the steps known here. Only reads. */
export async function schemaAge(db: Knex): Promise<SchemaAge> {
  const done = new Set<string>()
  if (await db.schema.hasTable(table)) {
    const rows: readonly { readonly name: unknown }[] = await db(table).select('name')
    for (const row of rows) done.add(String(row.name))
  }
  return {
    unknown: [...done].filter((name) => !migrations.has(name)),
    pending: [...migrations.keys()].filter((name) => !done.has(name)),
  }
}
