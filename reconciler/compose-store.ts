import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlowsReading } from './cli/export-flows.ts'
import type { Config } from './config.ts'
import { openCredentialKeys } from './control/credential-keys.ts'
import { KeyError, openFleetKey } from './secrets/fleet-key.ts'
import { createSecretFolder } from './secrets/secret-folder.ts'
import { describeTarget, type StoreTarget } from './model/store-url.ts'
import { moveStore, type Moved } from './store/move.ts'
import { openPostgresSource, openPostgresStore, openPostgresTarget } from './store/postgres-store.ts'
import { openSqliteSource, openSqliteStore, openSqliteTarget } from './store/sqlite-store.ts'
import type { LockDeps } from './store/postgres-lock.ts'
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
  { config, log }: { readonly config: Config; readonly log: LockDeps['log'] },
  onChange: () => void,
): Promise<Store> {
  const { store: target } = config
  if (target.kind === 'sqlite') {
    const { file } = target
    if (!existsSync(file) && !existsSync(`${file}-wal`)) refuseLostStore(config)
    return openSqliteStore({ file, clock: systemClock, newId: randomUUID })
  }
  const newId = (): string => {
    refuseLostStore(config)
    return randomUUID()
  }
  return openPostgresStore({ target, clock: systemClock, newId, newToken: randomUUID, log, onChange })
}

/** Of one that is not there the `fleet` is `''`. */
export async function openStoreForReading(config: Config): Promise<Store> {
  const { store: target } = config
  const deps = { ...lockDeps(), newId: randomUUID, readOnly: true }
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
  const [at, deps] = [systemClock.now(), lockDeps()]
  await using source = await (from.kind === 'sqlite'
    ? openSqliteSource(from.file, at)
    : openPostgresSource(from, deps))
  await using target = await (to.kind === 'sqlite'
    ? openSqliteTarget(to.file, at)
    : openPostgresTarget(to, deps))
  const names = { to: describeTarget(to), at: at.toISOString() }
  return await moveStore({ source, target }, names, signal)
}

/** Of a process that does not live long enough to lose a lock and go on. */
function lockDeps(): LockDeps {
  const unheard = (): void => undefined
  return { clock: systemClock, newToken: randomUUID, log: { info: unheard, warn: unheard } }
}

/**
 * A key without its store, or another store beside the one that is empty: what runs would be taken for nobody's, and a second
 * fleet be made beside it.
 */
function refuseLostStore(config: Config): void {
  const [store, key, former] = [describeTarget(config.store), keyFile(config), join(config.data, 'weir.db')]
  if (config.store.kind === 'postgres' && existsSync(former))
    throw new KeyError(
      `${store} is empty, but a fleet is in ${former}; move it with "reconcile store migrate --from sqlite:${former} --to ${store}", or remove ${former} to begin anew`,
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
