import type { Located, ResourceIndex, UnreadFile } from './index-resources.ts'
import type { Gone, Unread } from '../model/desired-state.ts'
import type { Kind, Resource } from '../model/resource.ts'

/** Who was declared last, and where; what cannot be read now may still declare them. */
export interface KnownPeople extends Pick<ResourceIndex, 'users' | 'teams'> {
  readonly gone: Gone
}

export const nobodyKnown: KnownPeople = {
  users: new Map(),
  teams: new Map(),
  gone: { users: new Set(), teams: new Set() },
}

export interface Files {
  readonly unread: readonly UnreadFile[]
  readonly has: (path: string) => boolean
}

/**
 * A user whose document is invalid, or may stand in one that cannot be read, stays as last known: nobody gets in or is
 * locked out by a slip of the pen. A file that was removed is no slip. Who stood in it is gone, unless they may have been
 * moved: their name then stands in a file that cannot be read. A file that is still there, however short, proves nothing
 * meanwhile: it may be half written.
 *
 * What was known is kept in memory. After a start instances keep the members that they were applied with, since nothing takes
 * those away; the doors know nobody by that name until the document is mended.
 */
export function keepPeople(
  index: ResourceIndex,
  before: KnownPeople,
  files: Files,
): { readonly index: ResourceIndex; readonly known: KnownPeople; readonly unread: Unread } {
  const users = absent(index, 'User', {
    declared: index.users,
    before: before.users,
    gone: before.gone.users,
    files,
  })
  const teams = absent(index, 'Team', {
    declared: index.teams,
    before: before.teams,
    gone: before.gone.teams,
    files,
  })
  const all = { ...index, users: new Map([...index.users, ...users.invalid, ...users.doubtful]) }
  const gone = { users: users.gone, teams: teams.gone }
  return {
    index: users.invalid.length + users.doubtful.length === 0 ? index : all,
    known: {
      users: all.users,
      teams: new Map([...index.teams, ...teams.invalid, ...teams.doubtful]),
      gone,
    },
    unread: {
      files: files.unread.map(({ path }) => path),
      asLastKnown: new Set(users.doubtful.map(([name]) => name)),
      gone,
    },
  }
}

type Entries<R extends Resource> = readonly (readonly [string, Located<R>])[]

interface Kindred<R extends Resource> {
  readonly declared: ReadonlyMap<string, Located<R>>
  readonly before: ReadonlyMap<string, Located<R>>
  readonly gone: ReadonlySet<string>
  readonly files: Files
}

/**
 * What was declared and is not, or not validly, by what is to be thought of that. Who was found to be gone stays so until a
 * file that can be read declares them, or all can be read.
 */
function absent<R extends Resource>(
  { invalid: claims }: ResourceIndex,
  kind: Kind,
  { declared, before, gone, files }: Kindred<R>,
): { readonly invalid: Entries<R>; readonly doubtful: Entries<R>; readonly gone: ReadonlySet<string> } {
  const isInvalid = (name: string): boolean => claims.get(kind)?.has(name) === true
  const missing = [...before].filter(([name]) => !declared.has(name))
  const invalid = missing.filter(([name]) => isInvalid(name))
  if (files.unread.length === 0) return { invalid, doubtful: [], gone: new Set() }
  const unfound = missing.filter(([name]) => !isInvalid(name))
  const isPlain = ([name, { file }]: Entries<R>[number]): boolean =>
    isRemoved(file, files) && !files.unread.some(({ text }) => mayName(text, name))
  const found = unfound.filter(isPlain).map(([name]) => name)
  const still = [...gone].filter((name) => !declared.has(name) && !isInvalid(name))
  return { invalid, doubtful: unfound.filter((one) => !isPlain(one)), gone: new Set([...still, ...found]) }
}

/** Also where the folder that it stood in is now a link or a submodule: then it may be there still. */
function isRemoved(file: string, { unread, has }: Files): boolean {
  return !has(file) && !unread.some(({ path }) => file === path || file.startsWith(`${path}/`))
}

/** Whether a text may declare a name (a DNS label); one that is not at hand may. */
function mayName(text: string | undefined, name: string): boolean {
  return text === undefined || new RegExp(`(?<![a-z0-9-])${name}(?![a-z0-9-])`, 'i').test(text)
}
