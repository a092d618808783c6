import type { Knex } from 'knex'

/** What editors keep. Every row belongs to an instance and goes with it. */
export const instanceStorage: Knex.Migration = {
  async up(db) {
    await db.schema.createTable('instance_flows', (table) => {
      table.string('uid').primary().references('uid').inTable('instances').onDelete('CASCADE')
      table.text('nodes').notNullable()
      table.text('credentials').notNullable()
      table.string('revision').notNullable()
      table.string('saved_at').notNullable()
      table.string('saved_by')
      table.text('deploys')
    })
    for (const name of ['instance_settings', 'instance_sessions'])
      await db.schema.createTable(name, (table) => {
        table.string('uid').primary().references('uid').inTable('instances').onDelete('CASCADE')
        table.text('content').notNullable()
      })
    await db.schema.createTable('library_entries', (table) => {
      table.string('uid').notNullable().references('uid').inTable('instances').onDelete('CASCADE')
      table.string('type').notNullable()
      table.string('path', 1024).notNullable()
      table.text('meta').notNullable()
      table.text('body').notNullable()
      table.primary(['uid', 'type', 'path'])
    })
  },

  async down(db) {
    for (const table of ['library_entries', 'instance_sessions', 'instance_settings', 'instance_flows'])
      await db.schema.dropTable(table)
  },
}
