import { assertNever } from '../model/assert-never.ts'
import { defined } from '../model/defined.ts'
import type { Condition } from '../model/condition.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { Observation, Phase } from '../model/observed-state.ts'
import type { Change } from '../model/plan.ts'
import type { DriverName, ResolvedInstance, Role } from '../model/resource.ts'
import type { StatusRecord } from '../model/status-record.ts'
import type { Viewer } from '../model/viewer.ts'
import type { FleetStatus } from './fleet-status.ts'
import { hideValues } from './plan-view.ts'
import { entriesByName, exists, mayInspect, maySee, teamOf, visibleInstances } from './visible.ts'
import { isTrue } from './views.ts'

/** Where people reach an instance; the composition knows hosts and proxies. */
export type UrlOf = (entry: InventoryEntry, spec: ResolvedInstance) => string | undefined

/** One instance in a list. */
export interface InstanceSummary {
  readonly name: string
  readonly uid?: string
  readonly team?: string
  readonly driver?: DriverName
  readonly state?: ResolvedInstance['state']
  readonly phase: Phase
  readonly message?: string
  readonly url?: string
  /** The revision last brought about. */
  readonly revision?: string
  readonly ready: boolean
  readonly drifted: boolean
  readonly stalled: boolean
  /** Why it is left as it is, where it cannot be planned. */
  readonly held?: string
}

/** What Git declares. A variable is shown by name, and by the secret it comes from; never by value. */
export interface DeclaredView {
  readonly state: ResolvedInstance['state']
  readonly stack: ResolvedInstance['stack']
  readonly resources: ResolvedInstance['resources']
  readonly port?: number
  readonly hostnames: readonly string[]
  readonly env: readonly { readonly name: string; readonly secret?: string }[]
  readonly modules: ResolvedInstance['modules']
  readonly flows?: ResolvedInstance['flows']
  readonly editor: ResolvedInstance['editor']
  readonly endpoints: ResolvedInstance['endpoints']
  readonly access: readonly { readonly user: string; readonly role: Role | 'admin' }[]
}

export interface InstanceView extends InstanceSummary {
  readonly conditions: readonly Condition[]
  /** What follows is for those who may look into the instance. */
  readonly desired?: DeclaredView
  readonly applied?: { readonly revision: string; readonly at: string }
  readonly observed?: {
    readonly kind: Observation['kind']
    readonly phase?: Phase
    readonly message?: string
    readonly fields?: { readonly [path: string]: unknown }
  }
  /** Field by field, while the instance is drifted. */
  readonly drift?: readonly Change[]
}

export function instanceSummaries(
  status: FleetStatus,
  viewer: Viewer,
  urlOf: UrlOf,
): readonly InstanceSummary[] {
  return visibleInstances(status, viewer).map((name) => summaryOf(status, name, urlOf))
}

/** Undefined where there is none, and where the viewer may not know whether there is. */
export function instanceView(request: {
  readonly status: FleetStatus
  readonly viewer: Viewer
  readonly urlOf: UrlOf
  readonly name: string
}): InstanceView | undefined {
  const { status, viewer, urlOf, name } = request
  if (!exists(status, name) || !maySee(status, viewer, name)) return undefined
  const conditions = conditionsOf(status, name)
  const view = { ...summaryOf(status, name, urlOf), conditions }
  return mayInspect(status, viewer, name) ? { ...view, ...insideOf(status, name) } : view
}

/** Every round judges every instance: what stands unchanged is about the revision of the newest plan. */
function conditionsOf({ instances, plan }: FleetStatus, name: string): readonly Condition[] {
  const conditions = instances.get(name)?.conditions ?? []
  return plan === undefined
    ? conditions
    : conditions.map((each) => ({ ...each, observedRevision: plan.revision }))
}

function summaryOf(status: FleetStatus, name: string, urlOf: UrlOf): InstanceSummary {
  const entry = entriesByName(status).get(name)
  const spec = status.desired?.instances.get(name) ?? entry?.applied?.spec
  return defined({
    name,
    team: teamOf(status, name),
    driver: spec?.driver,
    state: spec?.state,
    held: status.desired?.held.get(name),
    ...identityOf(entry, spec, urlOf),
    ...healthOf(status.instances.get(name)),
  })
}

function identityOf(entry: InventoryEntry | undefined, spec: ResolvedInstance | undefined, urlOf: UrlOf) {
  return { uid: entry?.uid, revision: entry?.applied?.revision, url: entry && spec && urlOf(entry, spec) }
}

function healthOf(record: StatusRecord | undefined) {
  return {
    phase: record?.phase ?? 'pending',
    message: record?.message,
    ready: isTrue(record?.conditions, 'Ready'),
    drifted: isTrue(record?.conditions, 'Drifted'),
    stalled: isTrue(record?.conditions, 'Stalled'),
  }
}

function insideOf(
  status: FleetStatus,
  name: string,
): Pick<InstanceView, 'desired' | 'applied' | 'observed' | 'drift'> {
  const entry = entriesByName(status).get(name)
  const spec = status.desired?.instances.get(name)
  const applied = entry?.applied
  return defined({
    desired: spec && declaredView(spec, entry?.port),
    applied: applied && { revision: applied.revision, at: applied.at },
    observed: entry && observedView(status.observed?.observations.get(entry.uid)),
    drift: driftOf(status, name),
  })
}

function declaredView(spec: ResolvedInstance, allotted: number | undefined): DeclaredView {
  const port = spec.port ?? allotted
  return defined({
    state: spec.state,
    stack: spec.stack,
    resources: spec.resources,
    port,
    hostnames: spec.hostnames,
    env: Object.entries(spec.env).map(([name, value]) =>
      'secret' in value ? { name, secret: value.secret } : { name },
    ),
    modules: spec.modules,
    flows: spec.flows,
    editor: spec.editor,
    endpoints: spec.endpoints,
    access: Object.entries(spec.access).map(([user, { role }]) => ({ user, role })),
  })
}

function observedView(observation: Observation | undefined): InstanceView['observed'] {
  if (!observation) return undefined
  switch (observation.kind) {
    case 'present': {
      const { kind, phase, message, fields } = observation
      const shown = Object.entries(fields).filter(([path]) => !/^(env|access)(\.|$)/.test(path))
      return defined({ kind, phase, message, fields: Object.fromEntries(shown) })
    }
    case 'unknown':
      return { kind: observation.kind, message: observation.cause }
    case 'absent':
      return { kind: observation.kind }
    default:
      return assertNever(observation)
  }
}

function driftOf(status: FleetStatus, name: string): readonly Change[] | undefined {
  if (!isTrue(status.instances.get(name)?.conditions, 'Drifted')) return undefined
  const actions = status.plan?.actions.filter((action) => action.target.name === name) ?? []
  return actions.flatMap((action) =>
    action.changes.filter((change) => change.cause === 'drift').map(hideValues),
  )
}
