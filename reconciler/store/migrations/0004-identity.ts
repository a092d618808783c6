import type { Knex } from 'knex'

/** What the identity door keeps, and how often sign-ins failed. */
export const identity: Knex.Migration = {
  async up(db) {
    await db.schema.createTable('identity_records', (table) => {
      table.string('kind').notNullable()
      table.string('id').notNullable()
      table.text('content').notNullable()
      table.string('grant').index()
      table.string('session').index()
      // In milliseconds since 1970: compared as numbers.
      table.bigInteger('expires_at').notNullable().index()
      table.bigInteger('consumed_at')
      table.primary(['kind', 'id'])
    })
    await db.schema.createTable('sign_in_failures', (table) => {
      table.string('key').primary()
      table.integer('count').notNullable()
      table.bigInteger('ends_at').notNullable().index()
    })
  },

  async down(db) {
    await db.schema.dropTable('sign_in_failures')
    await db.schema.dropTable('identity_records')
  },
}
