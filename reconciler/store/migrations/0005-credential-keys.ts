import type { Knex } from 'knex'

/**
 * The keys of instances' credentials, sealed, and flows that declared ones took the place of. `origin` says whose flows a row
 * holds: `editor`, `git`, or `edit` for what was deployed over those of Git.
 */
export const credentialKeys: Knex.Migration = {
  async up(db) {
    await db.schema.createTable('credential_keys', (table) => {
      table.string('uid').notNullable().references('uid').inTable('instances').onDelete('CASCADE')
      table.string('id').notNullable()
      table.text('sealed').notNullable()
      table.string('kept_at').notNullable()
      table.primary(['uid', 'id'])
    })
    await db.schema.alterTable('instance_flows', (table) => {
      table.string('origin')
    })
    await db.schema.createTable('flows_set_aside', (table) => {
      table.increments('id')
      table.string('uid').notNullable().references('uid').inTable('instances').onDelete('CASCADE')
      table.text('nodes').notNullable()
      table.text('credentials').notNullable()
      table.string('revision').notNullable()
      table.string('saved_at').notNullable()
      table.string('saved_by')
      table.string('origin').notNullable()
      table.string('set_aside_at').notNullable()
      table.index(['uid', 'id'])
    })
  },

  async down(db) {
    await db.schema.dropTable('flows_set_aside')
    await db.schema.alterTable('instance_flows', (table) => {
      table.dropColumn('origin')
    })
    await db.schema.dropTable('credential_keys')
  },
}
