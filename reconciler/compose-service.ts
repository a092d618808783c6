import {
  adminTokens,
  assemble,
  composeLateSource,
  emptyStatus,
  makeDataFolder,
  type Composition,
} from './compose.ts'
import { composeDrivers, type Surroundings } from './compose-drivers.ts'
import { serveStore, type ServedStore, type StoreNews } from './compose-store.ts'
import type { Config } from './config.ts'
import type { Desk } from './control/desk.ts'
import { FleetBoard } from './control/fleet-board.ts'
import { WakeQueue } from './control/wake-queue.ts'
import type { BehindDoors } from './doors.ts'
import type { Driver } from './drivers/driver.ts'
import { fencedDriver } from './drivers/fenced-driver.ts'
import type { Term } from './model/lease.ts'
import type { DriverName } from './model/resource.ts'
import type { DeletionPolicy } from './plan/gates.ts'
import type { Source } from './source/source.ts'
import { StoreError, type Store } from './store/store.ts'
import { systemClock } from './telemetry/clock.ts'

/** What a reconciler is made of while it leads, or while it follows. */
export interface Role extends Omit<Composition, keyof AsyncDisposable> {
  readonly leads: boolean
}

/** What is done with a reconciler that stays. */
export interface Work {
  /** Called once, when the store was opened for the first time: the doors serve whatever the role. */
  readonly open: (behind: BehindDoors) => Promise<void>
  /** Called for each role, one after the other, until its signal is aborted. */
  readonly act: (role: Role, signal: AbortSignal) => Promise<void>
}

/** A reconciler that stays: it leads, or follows the one that does. */
export interface Service extends AsyncDisposable {
  readonly board: FleetBoard
  /** Until the signal of its surroundings is aborted. A store that is away is waited for. */
  run(work: Work): Promise<void>
}

/** Milliseconds between two attempts to open a store that is away. */
const retryEvery = 1_000

interface Parts {
  readonly config: Config
  readonly policy: DeletionPolicy
  readonly surroundings: Surroundings
  readonly source: Source
  readonly board: FleetBoard
  readonly queue: WakeQueue
  readonly store: ServedStore
}

export async function composeService(
  config: Config,
  policy: DeletionPolicy,
  surroundings: Surroundings,
): Promise<Service> {
  await makeDataFolder(config.data)
  await using stack = new AsyncDisposableStack()
  const queue = new WakeQueue()
  const board = new FleetBoard(emptyStatus({ description: config.source.url }), systemClock)
  const store = stack.use(await serveStore(config, newsFor(board, queue, surroundings)))
  const source = stack.use(await composeLateSource(config, surroundings))
  board.update({ source: { description: source.description } })
  const drivers = stack.use(driversOnce(config, surroundings))
  const parts = { config, policy, surroundings, source, board, queue, store }
  const held = stack.move()
  return {
    board,
    run: async (work) => {
      const play = createPlay(parts, drivers.open, work)
      const roles = {
        follow: async (signal: AbortSignal) => play(undefined, signal),
        lead: async (term: Term, signal: AbortSignal) => play(term, signal),
      }
      await store.election.run(roles, surroundings.signal)
    },
    [Symbol.asyncDispose]: async () => held.disposeAsync(),
  }
}

/** What the other reconcilers say, and how this one stands to them, goes to the board, the log, the metrics and the loop. */
function newsFor(board: FleetBoard, queue: WakeQueue, { log, metrics }: Surroundings): StoreNews {
  const leads = (): boolean => board.current().leadership?.kind === 'leading'
  return {
    onChange: (leadership) => {
      board.update({ leadership })
      metrics.leads(leadership.kind === 'leading' ? leadership.term : undefined)
      const { kind, ...fields } = leadership
      if (kind === 'lost') log.warn(fields, 'the term as leader is over')
      else log.info(fields, kind)
    },
    onOutage: (error) => tellOutage(error, board, log),
    onWord: (word) => {
      if (word === 'look' && leads()) queue.wake('driver')
      if (word === 'written' && !leads()) queue.wake('store')
    },
  }
}

function tellOutage(error: unknown, board: FleetBoard, log: Surroundings['log']): void {
  if (!(error instanceof StoreError)) return log.error({ err: error }, 'the store cannot be used')
  const { code, message, remedy } = error
  if (board.storeIs({ code, message })) log.error({ code, remedy }, message)
}

type Drivers = ReadonlyMap<DriverName, Driver>
type OpenDrivers = (store: Store) => Promise<Drivers>

/** The drivers serve every role; they are opened when it is known whose fleet it is. */
function driversOnce(
  config: Config,
  surroundings: Surroundings,
): AsyncDisposable & { readonly open: OpenDrivers } {
  const stack = new AsyncDisposableStack()
  let opened: Drivers | undefined
  return {
    open: async (store) => {
      if (opened === undefined) {
        opened = composeDrivers(config, store.fleet, surroundings, await adminTokens(config, store))
        for (const driver of opened.values()) stack.use(driver)
      }
      return opened
    },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  }
}

/** Plays a role until its signal is aborted. `term`: absent where it follows. */
function createPlay(parts: Parts, openDrivers: OpenDrivers, work: Work) {
  const { surroundings, board } = parts
  let present: { readonly desk: Desk } | undefined
  let opened: Promise<void> | undefined

  const enter = async (term: Term | undefined, signal: AbortSignal): Promise<Role> => {
    const store = term === undefined ? await parts.store.openForDoors() : await parts.store.openForTerm(term)
    const leads = term !== undefined
    const composition = await assemble({
      ...parts,
      store,
      surroundings: { ...surroundings, signal },
      drivers: driversFor(term, await openDrivers(store)),
      ...(leads ? {} : { askToLook: parts.store.askToLook }),
    })
    present = composition.deps
    return { ...composition, leads }
  }
  const deskOf = (): Desk => {
    if (present === undefined) throw new Error('there is no role yet')
    return present.desk
  }
  const open = async ({ derive }: Role): Promise<void> => {
    const store = await parts.store.openForDoors()
    const desk = {
      settings: (uid) => deskOf().settings(uid),
      members: (uid) => deskOf().members(uid),
      report: (uid, state) => deskOf().report(uid, state),
    } satisfies BehindDoors['deps']['desk']
    await work.open({ board, derive, deps: { store, desk, drivers: await openDrivers(store) } })
  }

  return async (term: Term | undefined, signal: AbortSignal): Promise<void> => {
    for (;;) {
      try {
        const role = await enter(term, signal)
        await (opened ??= open(role))
        return await work.act(role, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!mayPass(error)) throw error
        tellOutage(error, board, surroundings.log)
      }
      await systemClock.sleep(retryEvery, signal)
    }
  }
}

/** Whether it may be by itself: the store is away, or this term has just ended. */
function mayPass(error: unknown): boolean {
  return error instanceof StoreError && ['store-unreachable', 'store-locked'].includes(error.code)
}

function driversFor(term: Term | undefined, drivers: Drivers): Drivers {
  if (term === undefined) return drivers
  return new Map([...drivers].map(([name, driver]) => [name, fencedDriver(driver, term)]))
}
