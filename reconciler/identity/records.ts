import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { FoundRecord } from '../model/identity-record.ts'
import { sha256 } from '../model/digest.ts'
import type { IdentityStore } from '../store/store.ts'

export interface RecordDeps {
  readonly store: IdentityStore
  readonly clock: { now(): Date }
}

/**
 * oidc-provider's models in the store. What a browser or a client presents (the id of a session, a code, a token) is kept as
 * its SHA-256 only: whoever reads the store can present nothing.
 */
export function createRecords({ store, clock }: RecordDeps): (kind: string) => Adapter {
  const now = () => clock.now().getTime()
  return (kind) => ({
    async upsert(id, payload, expiresIn) {
      const { grantId, uid } = payload
      await store.saveIdentityRecord({
        kind,
        id: sha256(id),
        content: JSON.stringify({ ...payload, jti: undefined }),
        ...(grantId === undefined ? {} : { grant: grantId }),
        ...(kind === 'Session' && uid !== undefined ? { session: uid } : {}),
        expiresAt: now() + (expiresIn ?? 0) * 1000,
      })
    },
    async find(id) {
      const found = await store.identityRecord(kind, sha256(id), now())
      return found && { ...payloadOf(found), jti: id }
    },
    async findByUid(uid) {
      const found = await store.identityRecordOfSession(kind, uid, now())
      return found && payloadOf(found)
    },
    // the device flow is off
    findByUserCode: async () => undefined,
    async consume(id) {
      // many at once may have found it unused: one of them uses it
      if (!(await store.consumeIdentityRecord(kind, sha256(id), now())))
        throw new errors.InvalidGrant(`${kind} was used already`)
    },
    async destroy(id) {
      await store.removeIdentityRecord(kind, sha256(id))
    },
    revokeByGrantId: async (grantId) => store.revokeGrant(grantId),
  })
}

function payloadOf({ content, consumedAt }: FoundRecord): AdapterPayload {
  const payload: unknown = JSON.parse(content)
  return {
    ...(typeof payload === 'object' ? payload : {}),
    ...(consumedAt === undefined ? {} : { consumed: Math.floor(consumedAt / 1000) }),
  }
}
