import { util } from './builtin.ts'
import type { Member, MemberLeft, RuntimeMembers, RuntimeSettings } from './wire.ts'

const rank: { readonly [permissions in Member['permissions']]: number } = { '*': 2, read: 1, '': 0 }

/**
 * Settings with those members only who may still come in, with what they may do at most, and by what they may still come in.
 * They bear the digest they were told with only where they are all that it stands for. The same object where nothing changes.
 */
export function narrowed(settings: RuntimeSettings, now: RuntimeMembers): RuntimeSettings {
  const told = byName(now.members)
  const left = settings.members.flatMap((member) => {
    const allowed = told.get(member.username)
    return allowed === undefined ? [] : [reduced(member, allowed)]
  })
  const digest = settings.base === now.base && isAll(left, now) ? now.digest : settings.digest
  if (digest === settings.digest && util.isDeepStrictEqual(left, settings.members)) return settings
  return { ...settings, digest, members: left }
}

/** Whether settings are all that was told of them: taking away gives nobody a new token, a first password or a membership. */
export function hasAll(settings: RuntimeSettings | undefined, now: RuntimeMembers): boolean {
  return settings?.digest === now.digest && isAll(settings.members, now)
}

function isAll(members: readonly Member[], now: RuntimeMembers): boolean {
  return util.isDeepStrictEqual(byName(members), byName(now.members))
}

/** The same by newer settings, while these stay in force: what those give comes with them. */
export function withoutGone(settings: RuntimeSettings, { members }: RuntimeSettings): RuntimeSettings {
  const { uid, digest } = settings
  return narrowed(settings, { uid, digest, base: '', members })
}

function byName<M extends MemberLeft>(members: readonly M[]): ReadonlyMap<string, M> {
  return new Map(members.map((member) => [member.username, member]))
}

function reduced(member: Member, now: MemberLeft): Member {
  const permissions = rank[now.permissions] < rank[member.permissions] ? now.permissions : member.permissions
  // Of whom nothing more is known it is not known either that their password is another one.
  if (now.proof === undefined) return { ...member, permissions }
  const { username, tokens } = member
  const stillThere = now.tokens?.filter(({ sha256 }) => tokens?.some((one) => one.sha256 === sha256))
  return {
    username,
    permissions,
    proof: now.proof,
    ...(now.displayName === undefined ? {} : { displayName: now.displayName }),
    ...passwordOf(member, now),
    ...(stillThere === undefined || stillThere.length === 0 ? {} : { tokens: stillThere }),
  }
}

/** Settings that compare no passwords tell none; what runs on older ones goes on with those it knows while they are the same. */
function passwordOf({ passwordHash, proof }: Member, now: MemberLeft): Pick<Member, 'passwordHash'> {
  const hash = now.passwordHash ?? (now.proof === proof ? passwordHash : undefined)
  return passwordHash === undefined || hash === undefined ? {} : { passwordHash: hash }
}
