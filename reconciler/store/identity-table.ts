import type { Knex } from 'knex'
import type { FailureCount, FoundRecord } from '../model/identity-record.ts'
import type { Database } from './database.ts'
import { toNumber, toText, type Row } from './rows.ts'
import type { IdentityStore } from './store.ts'

/** What the identity door keeps, and counts of failed sign-ins. */
export function identityTable({ db, inTurn }: Database): Pick<IdentityStore, keyof IdentityStore> {
  const find = async (where: Record<string, string>, now: number): Promise<FoundRecord | undefined> => {
    const row: Row | undefined = await db('identity_records')
      .where(where)
      .andWhere('expires_at', '>', now)
      .first('content', 'consumed_at')
    return row && toFound(row)
  }
  return {
    identityRecord: async (kind, id, now) => find({ kind, id }, now),
    identityRecordOfSession: async (kind, session, now) => find({ kind, session }, now),

    async saveIdentityRecord({ kind, id, content, grant, session, expiresAt }) {
      const row = { content, grant: grant ?? null, session: session ?? null, expires_at: expiresAt }
      await inTurn(async (trx) =>
        trx('identity_records')
          .insert({ kind, id, ...row })
          .onConflict(['kind', 'id'])
          .merge(),
      )
    },

    async consumeIdentityRecord(kind, id, now) {
      const changed: number = await inTurn(async (trx) =>
        trx('identity_records').where({ kind, id }).whereNull('consumed_at').update({ consumed_at: now }),
      )
      return changed > 0
    },

    async removeIdentityRecord(kind, id) {
      const removed: number = await inTurn(async (trx) => trx('identity_records').where({ kind, id }).del())
      return removed > 0
    },

    async revokeGrant(grant) {
      await inTurn(async (trx) => trx('identity_records').where({ grant }).del())
    },

    async removeExpiredIdentity(now) {
      await inTurn(async (trx) => {
        await trx('identity_records').where('expires_at', '<=', now).del()
        await trx('sign_in_failures').where('ends_at', '<=', now).del()
      })
    },

    async signInFailures(key, now) {
      const row: Row | undefined = await db('sign_in_failures').where({ key }).first('count', 'ends_at')
      const found = row && toCount(row)
      return found !== undefined && found.endsAt > now ? found : undefined
    },

    countSignInFailure: async (change) => inTurn(async (trx) => count(trx, change)),
  }
}

async function count(
  trx: Knex.Transaction,
  { key, by, now, window }: Parameters<IdentityStore['countSignInFailure']>[0],
): Promise<FailureCount> {
  const row: Row | undefined = await trx('sign_in_failures').where({ key }).first('count', 'ends_at')
  const before = row && toCount(row)
  const current = before !== undefined && before.endsAt > now ? before : { count: 0, endsAt: now + window }
  const next = { count: Math.max(0, current.count + by), endsAt: current.endsAt }
  await trx('sign_in_failures')
    .insert({ key, count: next.count, ends_at: next.endsAt })
    .onConflict('key')
    .merge()
  return next
}

function toFound(row: Row): FoundRecord {
  const content = toText(row, 'content')
  return row['consumed_at'] === null ? { content } : { content, consumedAt: toNumber(row, 'consumed_at') }
}

function toCount(row: Row): FailureCount {
  return { count: toNumber(row, 'count'), endsAt: toNumber(row, 'ends_at') }
}
