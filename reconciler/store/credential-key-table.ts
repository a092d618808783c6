import type { SealedKey } from '../model/credential-keys.ts'
import type { Database } from './database.ts'
import { toText, type Row } from './rows.ts'
import type { CredentialKeyStore } from './store.ts'

/** Rows of one statement, which SQLite takes as a compound SELECT of at most 500 terms. */
const atOnce = 500

/** The keys of credentials. None is ever replaced: what was encrypted with it may turn up again. */
export function credentialKeyTable({
  db,
  inTurn,
}: Database): Pick<CredentialKeyStore, keyof CredentialKeyStore> {
  return {
    async credentialKeys() {
      const rows: Row[] = await db('credential_keys').select('uid', 'id', 'sealed', 'kept_at')
      return rows.map(toSealedKey)
    },

    async keepCredentialKeys(keys) {
      const rows = keys.map(({ uid, id, sealed, keptAt }) => ({ uid, id, sealed, kept_at: keptAt }))
      await inTurn(async (trx) => {
        for (let from = 0; from < rows.length; from += atOnce)
          await trx('credential_keys')
            .insert(rows.slice(from, from + atOnce))
            .onConflict(['uid', 'id'])
            .ignore()
      })
    },
  }
}

function toSealedKey(row: Row): SealedKey {
  return {
    uid: toText(row, 'uid'),
    id: toText(row, 'id'),
    sealed: toText(row, 'sealed'),
    keptAt: toText(row, 'kept_at'),
  }
}
