import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { FlowsReading } from './cli/export-flows.ts'
import type { Config } from './config.ts'
import { openCredentialKeys } from './control/credential-keys.ts'
import { KeyError, openFleetKey } from './secrets/fleet-key.ts'
import { createSecretFolder } from './secrets/secret-folder.ts'
import { describeTarget, type StoreTarget } from './model/store-url.ts'
import { moveStore, type Moved } from './store/move.ts'
import { openPostgresSource, openPostgresTarget } from './store/postgres-move.ts'
import { openPostgresStore } from './store/postgres-store.ts'
import { sharePostgres } from './store/postgres-shared.ts'
import { openSqliteSource, openSqliteStore, openSqliteTarget } from './store/sqlite-store.ts'
import { createElection, soleElection, type Election, type ElectionNews } from './election/election.ts'
import type { Term } from './model/lease.ts'
import { postgresElection, type HoldDeps } from './store/postgres-hold.ts'
import type { Word } from './store/postgres-lease.ts'
import { StoreError, type Store } from './store/store.ts'
import { systemClock } from './telemetry/clock.ts'

/** The audit trail of the store on this machine, for reading, also while a reconciler writes it. */
export async function composeTrail(
  config: Config,
): Promise<AsyncDisposable & Pick<Store, 'inventory' | 'auditRows'>> {
  return openExistingStore(config, 'no audit trail')
}

/** Flows, and the keys of their credentials, of the store on this machine, for reading, also while a reconciler writes it. */
export async function composeFlows(config: Config): Promise<AsyncDisposable & FlowsReading> {
  const store = await openExistingStore(config, 'no flows')
  const keys = async () => {
    const master = await openFleetKey(keyFile(config), { create: false })
    if (master === undefined) throw missingKey(config)
    return openCredentialKeys({ store, master, clock: systemClock, randomBytes })
  }
  return {
    store,
    keys,
    secrets: createSecretFolder(config.secrets, systemClock),
    waiting: async (uid) => {
      const spool = join(config.data, 'instances', uid, 'storage', 'spool')
      return (await readdir(spool).catch(() => [])).length
    },
    randomBytes,
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  }
}

/** `without`: what is not there without one. */
async function openExistingStore(config: Config, without: string): Promise<Store> {
  const store = await openStoreForReading(config)
  if (store.fleet !== '') return store
  await store[Symbol.asyncDispose]()
  throw new StoreError(
    'store-unreachable',
    `There is no store ${describeTarget(config.store)}, and so ${without}.`,
    'Name the data folder of the reconciler with --data, or its configuration with --config.',
  )
}

/** For what writes: nobody else can meanwhile. */
export async function openStore(
  { config, log }: { readonly config: Config; readonly log: HoldDeps['log'] },
  onChange: () => void,
): Promise<Store> {
  const { store: target } = config
  if (target.kind === 'sqlite') {
    const { file } = target
    if (!existsSync(file) && !existsSync(`${file}-wal`)) refuseLostStore(config)
    return openSqliteStore({ file, clock: systemClock, newId: randomUUID })
  }
  return openPostgresStore({
    target,
    clock: systemClock,
    newId: newFleetId(config),
    name: ownName(),
    log,
    onChange,
  })
}

function newFleetId(config: Config): () => string {
  return () => {
    refuseLostStore(config)
    return randomUUID()
  }
}

/** The store as `serve` uses it. */
export interface ServedStore extends AsyncDisposable {
  readonly election: Election
  /** What the doors read and write, whoever leads. */
  openForDoors(): Promise<Store>
  /** What a leader reads and writes, while its term lasts. */
  openForTerm(term: Term): Promise<Store>
  /** Has the leader look at what runs. */
  readonly askToLook: () => Promise<void>
}

/** What `serve` hears of those that share its store. */
export interface StoreNews extends ElectionNews {
  readonly onWord: (word: Word) => void
}

/** Where only one process can open the store, it leads. @throws StoreError what waiting does not mend. */
export async function serveStore(config: Config, news: StoreNews): Promise<ServedStore> {
  const { store: target } = config
  if (target.kind === 'sqlite') return serveAlone(config, news)
  const shared = await sharePostgres(target, newFleetId(config))
  shared.lease.hear(news.onWord)
  const deps = postgresElection(shared.lease, { clock: systemClock, name: ownName() })
  return {
    election: createElection(deps, news),
    openForDoors: async () => shared.openForDoors(),
    openForTerm: async (term) => shared.openForTerm(term),
    askToLook: async () => shared.askToLook(),
    [Symbol.asyncDispose]: async () => shared[Symbol.asyncDispose](),
  }
}

async function serveAlone(config: Config, news: ElectionNews): Promise<ServedStore> {
  const unheard = (): void => undefined
  const store = await openStore({ config, log: { info: unheard, warn: unheard } }, unheard)
  return {
    election: soleElection(ownName(), () => systemClock.now(), news),
    openForDoors: async () => store,
    openForTerm: async () => store,
    askToLook: async () => undefined,
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  }
}

/** Of one that is not there the `fleet` is `''`. */
export async function openStoreForReading(config: Config): Promise<Store> {
  const { store: target } = config
  const deps = { ...holdDeps(), newId: randomUUID, readOnly: true }
  const store = await (target.kind === 'sqlite'
    ? openSqliteStore({ ...deps, file: target.file })
    : openPostgresStore({ ...deps, target }))
  if (store.fleet !== '') return store
  await using stack = new AsyncDisposableStack()
  stack.use(store)
  refuseLostStore(config)
  stack.move()
  return store
}

/** Moves a fleet; both stores are locked meanwhile. */
export async function composeMove(
  { from, to }: { readonly from: StoreTarget; readonly to: StoreTarget },
  signal: AbortSignal,
): Promise<Moved> {
  const [at, deps] = [systemClock.now(), holdDeps()]
  const names = { from: describeTarget(from), to: describeTarget(to), at: at.toISOString() }
  await using source = await (from.kind === 'sqlite'
    ? openSqliteSource(from.file, at, names.to)
    : openPostgresSource(from, deps, names.to))
  await using target = await (to.kind === 'sqlite'
    ? openSqliteTarget(to.file, at)
    : openPostgresTarget(to, deps))
  return await moveStore({ source, target }, names, signal)
}

/** Of a process that does not live long enough to lose a lease and go on. */
function holdDeps(): HoldDeps {
  const unheard = (): void => undefined
  return { clock: systemClock, name: ownName(), log: { info: unheard, warn: unheard } }
}

/** The machine and the process for people, and what makes it this start of it and no other. */
function ownName(): string {
  return `process ${process.pid} on ${hostname()} (${randomUUID().slice(0, 8)})`
}

/**
 * A key without its store, or another store beside the one that is empty: what runs would be taken for nobody's, and a second
 * fleet be made beside it.
 */
function refuseLostStore(config: Config): void {
  const [store, key, former] = [describeTarget(config.store), keyFile(config), join(config.data, 'weir.db')]
  if (config.store.kind === 'postgres' && existsSync(former))
    throw new KeyError(
      `${store} is empty, but a fleet is in ${former}; move it with "reconcile store migrate --from sqlite:${former} --to URL", where URL is what "store" names, with its parameters, or remove ${former} to begin anew`,
    )
  // A key that is kept elsewhere may be older than any store.
  if (config.key !== undefined || !existsSync(key)) return
  throw new KeyError(
    `${store} is missing, but ${key} was made with it; restore it from a backup, or remove ${config.data} to begin anew`,
  )
}

export function missingKey(config: Config): KeyError {
  return new KeyError(
    `${keyFile(config)} is missing, but the store knows instances; restore the key from the same backup as the store`,
  )
}

export function keyFile({ data, key }: Config): string {
  return key ?? join(data, 'fleet.key')
}
