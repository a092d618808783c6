import type { Knex } from 'knex'

export const firstTables: Knex.Migration = {
  async up(db) {
    await db.schema.createTable('fleet', (table) => {
      table.string('id').primary()
    })
    await db.schema.createTable('instances', (table) => {
      table.string('uid').primary()
      table.string('name').notNullable().unique()
      table.string('driver').notNullable()
      table.integer('port').unique()
      table.string('token_sha256').notNullable().unique()
      table.text('applied')
    })
    await db.schema.createTable('journal', (table) => {
      table.increments('id')
      table.string('plan_id').notNullable()
      table.string('revision').notNullable()
      table.string('uid').notNullable()
      table.string('name').notNullable()
      table.string('action').notNullable()
      table.string('started_at').notNullable()
      table.string('ended_at')
      table.string('outcome')
      table.text('error')
      table.index(['name', 'id'])
      table.index(['outcome'])
    })
    await db.schema.createTable('reconciliations', (table) => {
      table.increments('id')
      table.string('plan_id').notNullable()
      table.string('revision').notNullable()
      table.text('author')
      table.text('subject')
      table.text('cause').notNullable()
      table.string('started_at').notNullable()
      table.string('ended_at').notNullable()
      table.string('outcome').notNullable()
      table.text('headline').notNullable()
    })
    await db.schema.createTable('statuses', (table) => {
      table.string('kind').notNullable()
      table.string('name').notNullable()
      table.text('record').notNullable()
      table.primary(['kind', 'name'])
    })
  },

  async down(db) {
    for (const table of ['statuses', 'reconciliations', 'journal', 'instances', 'fleet'])
      await db.schema.dropTable(table)
  },
}
