import { util } from './builtin.ts'
import type { Member, MemberLeft, RuntimeMembers, RuntimeSettings } from './wire.ts'

const rank: { readonly [permissions in Member['permissions']]: number } = { '*': 2, read: 1, '': 0 }

/**
 * Settings with those members only who may still come in, with what they may do at most, and by what they may still come in.
 * They bear the digest they were told with where the rest is what that digest stands for. The same object where nothing
 * changes.
 */
export function narrowed(
  settings: RuntimeSettings,
  { digest, base, members }: RuntimeMembers,
): RuntimeSettings {
  const told = new Map(members.map((member) => [member.username, member]))
  const left = settings.members.flatMap((member) => {
    const now = told.get(member.username)
    return now === undefined ? [] : [reduced(member, now)]
  })
  const next = settings.base === base ? digest : settings.digest
  if (next === settings.digest && util.isDeepStrictEqual(left, settings.members)) return settings
  return { ...settings, digest: next, members: left }
}

function reduced(member: Member, now: MemberLeft): Member {
  const permissions = rank[now.permissions] < rank[member.permissions] ? now.permissions : member.permissions
  // Of whom nothing more is known it is not known either that their password is another one.
  if (now.proof === undefined) return { ...member, permissions }
  const { passwordHash, tokens, ...others } = member
  const stillThere = tokens?.flatMap(({ sha256 }) => now.tokens?.find((one) => one.sha256 === sha256) ?? [])
  return {
    ...others,
    permissions,
    proof: now.proof,
    ...(passwordHash === undefined || now.passwordHash === undefined
      ? {}
      : { passwordHash: now.passwordHash }),
    ...(stillThere === undefined || stillThere.length === 0 ? {} : { tokens: stillThere }),
  }
}
