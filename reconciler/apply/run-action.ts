import { awaitRunning } from './await-running.ts'
import { driverOf } from './driver-of.ts'
import { endRights, isReconfigured } from './end-rights.ts'
import type { ActionContext } from './action-context.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Origin } from '../model/audit.ts'
import { defined } from '../model/defined.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { PlacedInstance } from '../model/placed-instance.ts'
import type { Action } from '../model/plan.ts'
import type { ResolvedInstance } from '../model/resource.ts'
import { StoreError, type Step } from '../store/store.ts'

const lastPort = 65_535

export interface Task {
  readonly action: Action
  readonly planId: string
  readonly revision: string
  /** Who is behind it. */
  readonly origin: Origin
  /** Absent for a deletion. */
  readonly desired?: ResolvedInstance
  readonly entry?: InventoryEntry
  /** Is about rights that end, and leaves all else as it is; comes after what is under way on that instance. */
  readonly withdrawal?: true
  /** Ports that other instances declare. */
  readonly reserved: ReadonlySet<number>
}

/**
 * Carries out one action: journaled before and after, every step repeatable, so that a kill at any point is followed
 * by the same action again and ends in one object. Its end is told in the audit trail by the same write that journals it:
 * an action whose end cannot be told has failed.
 */
export async function runAction(task: Task, context: ActionContext, signal: AbortSignal): Promise<void> {
  const { store, clock } = context
  const entry = await identify(task, context)
  const journal = await store.beginAction(
    {
      planId: task.planId,
      revision: task.revision,
      uid: entry.uid,
      name: task.action.target.name,
      action: task.action.kind,
      startedAt: clock.now().toISOString(),
    },
    task.origin,
    announcedBy(task),
  )
  try {
    await carryOut(task, entry, context, signal)
    await store.endAction(journal, { endedAt: clock.now().toISOString(), outcome: 'applied' })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await store.endAction(journal, { endedAt: clock.now().toISOString(), outcome: 'failed', error: message })
    throw error
  }
}

/** What launchers may be handed while it is under way: by any reconciler that shares the store. */
function announcedBy({ action, desired }: Task): ResolvedInstance | undefined {
  return action.kind === 'adopt' || action.kind === 'rename' ? undefined : desired
}

/** The entry of the instance; a new one gets its identity and port here, before anything is created for it. */
async function identify(
  task: Task,
  context: ActionContext,
): Promise<Pick<InventoryEntry, 'uid' | 'port' | 'applied'>> {
  const { action, desired, entry } = task
  if (entry !== undefined) return entry
  const { uid } = action.target
  if (desired === undefined || action.kind === 'adopt') {
    if (uid === undefined) throw new Error(`the ${action.kind} of "${action.target.name}" names no identity`)
    return { uid }
  }
  const fresh = context.newId()
  const ports = context.ports.get(desired.driver)
  return context.store.allot({
    uid: fresh,
    name: desired.name,
    driver: desired.driver,
    tokenSha256: context.credentialsOf(fresh).tokenSha256,
    reserved: task.reserved,
    ...(desired.port === undefined ? {} : { port: desired.port }),
    ...(ports === undefined ? {} : { firstPort: ports.first, companion: ports.companion }),
  })
}

async function carryOut(
  task: Task,
  entry: Pick<InventoryEntry, 'uid' | 'port' | 'applied'>,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const { action, desired } = task
  if (action.kind === 'delete') return remove(task, entry.uid, context, signal)
  if (desired === undefined) throw new Error(`nothing is declared for "${action.target.name}"`)
  if (action.kind === 'adopt') return adopt(entry.uid, desired, context, signal)
  const driver = driverOf(desired.driver, context)
  const placed = await settle(task, entry, desired, context)
  await prepare(placed, context)
  const ended = await endRights(action, placed, context, signal)
  if (task.withdrawal === true && ended && isReconfigured(entry.applied, driver))
    return save(task, placed, entry.applied, context)
  await bringAbout(placed, entry, context, signal)
  await save(task, placed, broughtAbout(placed, driver), context)
  if (desired.state === 'running' && action.kind !== 'rename') await awaitRunning(placed, context, signal)
}

async function remove(task: Task, uid: string, context: ActionContext, signal: AbortSignal): Promise<void> {
  const { driver } = task.action.target
  const named = [...context.drivers.values()].filter(({ name }) => driver === undefined || name === driver)
  for (const each of named) await each.remove(uid, signal)
  await context.store.forget(uid, stepOf(task, context))
  context.retire(uid)
}

/** Enters what runs with the port it has; what does not run is given one when it is brought about. */
async function adopt(
  uid: string,
  desired: ResolvedInstance,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const seen = (await driverOf(desired.driver, context).observe(signal)).find((one) => one.uid === uid)
  const port = seen?.kind === 'present' ? seen.fields['port'] : undefined
  const { tokenSha256 } = context.credentialsOf(uid)
  const entry = { uid, name: desired.name, driver: desired.driver, tokenSha256 }
  await context.store.adopt(typeof port === 'number' ? { ...entry, port } : entry)
}

/** Name and port as declared, in the store before anything acts on them. */
async function settle(
  task: Task,
  entry: Pick<InventoryEntry, 'uid' | 'port'>,
  desired: ResolvedInstance,
  context: ActionContext,
): Promise<PlacedInstance> {
  const { uid } = entry
  if (task.action.target.previously !== undefined) await context.store.rename(uid, desired.name)
  const wanted = desired.port ?? entry.port
  if (wanted !== undefined && wanted !== entry.port) await context.store.setPort(uid, wanted)
  const port = wanted ?? (await givePort(uid, desired, context))
  return context.place({ uid, ...(port === undefined ? {} : { port }) }, desired)
}

/** A port for an instance that was adopted without one: the first that nobody else has. */
async function givePort(
  uid: string,
  desired: ResolvedInstance,
  context: ActionContext,
): Promise<number | undefined> {
  const ports = context.ports.get(desired.driver)
  if (ports === undefined) return undefined
  for (let port = ports.first; port + ports.companion <= lastPort; port++)
    try {
      await context.store.setPort(uid, port)
      return port
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'port-taken') throw error
    }
  return undefined
}

/** From here on its launcher finds what is wanted at the runtime door. */
async function prepare(placed: PlacedInstance, context: ActionContext): Promise<void> {
  await context.keepKeys(placed)
  context.health.forget(placed.uid)
  context.announce(placed)
}

async function bringAbout(
  placed: PlacedInstance,
  entry: Pick<InventoryEntry, 'uid' | 'port' | 'applied'>,
  context: ActionContext,
  signal: AbortSignal,
): Promise<void> {
  const driver = driverOf(placed.spec.driver, context)
  const credentials = context.credentialsOf(placed.uid)
  if (entry.applied === undefined) return driver.create(placed, credentials, signal)
  const before = context.place(entry, entry.applied.spec)
  return driver.update(before, placed, credentials, signal)
}

type Result = Pick<NonNullable<InventoryEntry['applied']>, 'expected' | 'configured'>

function broughtAbout(placed: PlacedInstance, driver: Driver): Result {
  const running = placed.spec.state === 'running'
  return { expected: driver.expected(placed), ...(running ? { configured: driver.configured } : {}) }
}

async function save(
  task: Task,
  { uid, spec }: PlacedInstance,
  { expected, configured }: Result,
  context: ActionContext,
): Promise<void> {
  const step = stepOf(task, context)
  const applied = { spec, expected, ...defined({ configured }), revision: task.revision, at: step.at }
  await context.store.saveApplied(uid, applied, step)
}

function stepOf({ origin, planId, revision }: Task, { clock }: ActionContext): Step {
  return { ...origin, planId, revision, at: clock.now().toISOString() }
}
