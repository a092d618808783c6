import type { Knex } from 'knex'

/** As long as a text of an entry may be. A number of its own: a published step never changes. */
const longestText = 512

export const auditTrail: Knex.Migration = {
  async up(db) {
    await db.schema.createTable('audit', (table) => {
      // Not counted up by the database: ids have no holes, and a rolled-back insert would leave one.
      table.integer('id').primary()
      table.string('at').notNullable()
      table.string('recorded_at').notNullable().index()
      table.string('event').notNullable()
      table.string('uid', longestText)
      table.string('instance', longestText)
      table.string('user', longestText)
      table.string('key', longestText).unique()
      table.text('entry').notNullable()
      // Two entries behind the same one would be a fork.
      table.string('previous').notNullable().unique()
      table.string('hash').notNullable()
      table.index(['instance', 'id'])
      table.index(['uid', 'id'])
      table.index(['user', 'id'])
      table.index(['event', 'id'])
    })
    // What a step goes back to, noted when it begins: who closes it may be another process, which knows only the row.
    await db.schema.alterTable('journal', (table) => {
      table.text('origin')
    })
  },

  async down(db) {
    await db.schema.alterTable('journal', (table) => {
      table.dropColumn('origin')
    })
    await db.schema.dropTable('audit')
  },
}
