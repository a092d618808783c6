import type { Knex } from 'knex'

/** What a step that is under way brings about: other reconcilers hand it to the instance's launcher as well. */
export const announcedSpec: Knex.Migration = {
  async up(db) {
    await db.schema.alterTable('journal', (table) => {
      table.text('spec')
    })
  },
  async down(db) {
    await db.schema.alterTable('journal', (table) => {
      table.dropColumn('spec')
    })
  },
}
