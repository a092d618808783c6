import { phases, type Phase } from '../model/observed-state.ts'
import type { Condition } from '../model/condition.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import type { Role, TeamDocument } from '../model/resource.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetStatus } from './fleet-status.ts'
import { visibleInstances } from './visible.ts'

/** What the status door says of the fleet, its teams and its users: pure functions of the status and of who asks. */

export interface FleetView {
  readonly fleet: string
  readonly source: FleetStatus['source']
  /** Why nothing can be written to the store, and since when: for admins. */
  readonly store?: NonNullable<FleetStatus['store']>
  /** Which reconciler leads, and whether it is the one that answers; absent where none does, as far as is known here. */
  readonly leader?: {
    readonly name: string
    readonly since: string
    readonly term: number
    readonly here: boolean
  }
  readonly ready: boolean
  readonly observedAt?: string
  /** Of the instances that the viewer may see. */
  readonly instances: {
    readonly total: number
    readonly phases: { readonly [phase: string]: number }
    readonly ready: number
    readonly drifted: number
    readonly stalled: number
  }
  /** Whether the last plan was refused by a policy or lacks something; its headline is for admins. */
  readonly plan?: {
    readonly id: string
    readonly revision: string
    readonly complete: boolean
    readonly refused: boolean
    readonly headline?: string
  }
  /** What is wrong in the source: for admins, since it may be about any team. */
  readonly diagnostics?: readonly Diagnostic[]
}

export function fleetView(status: FleetStatus, viewer: Viewer): FleetView {
  const { plan, observedAt, desired } = status
  return {
    fleet: status.fleet,
    source: status.source,
    ...(status.store === undefined || !viewer.admin ? {} : { store: status.store }),
    ...leaderOf(status),
    ready: status.ready,
    ...(observedAt === undefined ? {} : { observedAt }),
    instances: countInstances(status, viewer),
    ...(plan === undefined
      ? {}
      : {
          plan: {
            id: plan.id,
            revision: plan.revision,
            complete: plan.complete,
            refused: plan.refusals.length > 0,
            ...(viewer.admin ? { headline: plan.summary.headline } : {}),
          },
        }),
    ...(viewer.admin && desired ? { diagnostics: desired.diagnostics } : {}),
  }
}

function leaderOf({ leadership }: FleetStatus): Pick<FleetView, 'leader'> {
  const here = leadership?.kind === 'leading'
  const lease = here ? leadership : leadership?.kind === 'following' ? leadership.leader : undefined
  if (lease === undefined) return {}
  const { holder, since, term } = lease
  return { leader: { name: holder, since, term, here } }
}

function countInstances(status: FleetStatus, viewer: Viewer): FleetView['instances'] {
  const records = visibleInstances(status, viewer).map((name) => status.instances.get(name))
  const having = (type: Condition['type']) => records.filter((one) => isTrue(one?.conditions, type)).length
  const counts = new Map<Phase, number>(phases.map((phase) => [phase, 0]))
  for (const record of records) {
    const phase = record?.phase ?? 'pending'
    counts.set(phase, (counts.get(phase) ?? 0) + 1)
  }
  return {
    total: records.length,
    phases: Object.fromEntries(counts),
    ready: having('Ready'),
    drifted: having('Drifted'),
    stalled: having('Stalled'),
  }
}

export function isTrue(conditions: readonly Condition[] | undefined, type: Condition['type']): boolean {
  return conditions?.some((one) => one.type === type && one.status === 'True') ?? false
}

export interface TeamView {
  readonly name: string
  readonly displayName?: string
  /** The viewer's own role; absent for an admin who is no member. */
  readonly role?: Role
  readonly members: readonly { readonly user: string; readonly role: Role }[]
  readonly instances: readonly string[]
}

/** The teams that the viewer belongs to; an admin sees all. */
export function teamViews(status: FleetStatus, viewer: Viewer): readonly TeamView[] {
  const instancesByTeam = Map.groupBy(status.desired?.instances.values() ?? [], (instance) => instance.team)
  return [...(status.desired?.teams.values() ?? [])]
    .filter((team) => viewer.right(team.metadata.name) !== 'none')
    .map((team) => {
      const instances = instancesByTeam.get(team.metadata.name) ?? []
      return teamView(team, viewer, instances.map((one) => one.name).toSorted())
    })
    .toSorted(byName)
}

function teamView({ metadata, spec }: TeamDocument, viewer: Viewer, instances: readonly string[]): TeamView {
  const role = viewer.roles.get(metadata.name)
  return {
    name: metadata.name,
    ...(spec.displayName === undefined ? {} : { displayName: spec.displayName }),
    ...(role === undefined ? {} : { role }),
    members: (spec.members ?? []).map((member) => ({ user: member.user, role: member.role })),
    instances,
  }
}

export interface UserView {
  readonly name: string
  readonly displayName?: string
  /** For the user and for admins only. */
  readonly email?: string
  readonly admin?: boolean
  /** Of the teams that the viewer may see. */
  readonly teams: readonly { readonly team: string; readonly role: Role }[]
}

/** The viewer, and who shares a team with them; an admin sees all. Nothing here comes near a password or a token. */
export function userViews(status: FleetStatus, viewer: Viewer): readonly UserView[] {
  const memberships = membershipsIn(teamViews(status, viewer))
  return [...(status.desired?.users.values() ?? [])]
    .filter(({ metadata: { name } }) => viewer.admin || name === viewer.user || memberships.has(name))
    .map(({ metadata: { name }, spec }) => ({
      name,
      ...(spec.displayName === undefined ? {} : { displayName: spec.displayName }),
      ...(viewer.admin || name === viewer.user
        ? { ...(spec.email === undefined ? {} : { email: spec.email }), admin: spec.admin ?? false }
        : {}),
      teams: memberships.get(name) ?? [],
    }))
    .toSorted(byName)
}

function membershipsIn(teams: readonly TeamView[]): ReadonlyMap<string, UserView['teams']> {
  const memberships = new Map<string, { readonly team: string; readonly role: Role }[]>()
  for (const team of teams)
    for (const { user, role } of team.members) {
      const known = memberships.get(user) ?? []
      known.push({ team: team.name, role })
      memberships.set(user, known)
    }
  return memberships
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name)
}
