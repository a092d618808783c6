import type { DesiredState } from '../model/desired-state.ts'
import { editorPermissions, type EditorPermissions } from '../model/editor-permissions.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import { viewerOf } from './permissions.ts'

/** People and instances as they are now: nothing that is read from it is kept. */
export interface Directory {
  /** What Git declares; undefined until it was read. */
  people(): Pick<DesiredState, 'users' | 'teams' | 'instances'> | undefined
  instance(uid: string): InventoryEntry | undefined
  /** Every URL at which browsers reach it where it has these host names, each with a slash at its end; the first is its own. */
  urls(entry: InventoryEntry, hostnames: readonly string[]): readonly string[]
}

/** An instance as its visitors know it. */
export interface VisitedInstance {
  readonly uid: string
  readonly name: string
  readonly team: string | undefined
  /** Each with a slash at its end; the first is its own. */
  readonly urls: readonly string[]
}

export function visitedInstance(directory: Directory, uid: string): VisitedInstance | undefined {
  const entry = directory.instance(uid)
  if (entry === undefined) return undefined
  // one that is held is not among the declared: what was last applied holds for it
  const spec = directory.people()?.instances.get(entry.name) ?? entry.applied?.spec
  const urls = directory.urls(entry, spec?.hostnames ?? [])
  return { uid, name: entry.name, team: spec?.team, urls }
}

/** What a user may do in an instance now; undefined: it is not theirs to visit. */
export function permissionsOf(
  directory: Directory,
  user: string,
  { team }: Pick<VisitedInstance, 'team'>,
): EditorPermissions | undefined {
  const people = directory.people()
  const viewer = people && viewerOf(people, user)
  if (viewer === undefined) return undefined
  const role =
    (team === undefined ? undefined : viewer.roles.get(team)) ?? (viewer.admin ? 'admin' : undefined)
  return role === undefined ? undefined : editorPermissions[role]
}

/** Whom to ask for access: the names that the owners of a team go by. */
export function ownersOf(directory: Directory, team: string | undefined): readonly string[] {
  const people = directory.people()
  const members = (team === undefined ? undefined : people?.teams.get(team)?.spec.members) ?? []
  return members
    .filter(({ role }) => role === 'owner')
    .map(({ user }) => people?.users.get(user)?.spec.displayName ?? user)
}
