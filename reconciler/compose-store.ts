import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlowsReading } from './cli/export-flows.ts'
import type { Config } from './config.ts'
import { openCredentialKeys } from './control/credential-keys.ts'
import { KeyError, openFleetKey } from './secrets/fleet-key.ts'
import { createSecretFolder } from './secrets/secret-folder.ts'
import { openSqliteStore } from './store/sqlite-store.ts'
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
  refuseLostStore(config)
  const file = storeFile(config)
  if (!existsSync(file) && !existsSync(`${file}-wal`))
    throw new StoreError(
      'store-unreachable',
      `There is no store ${file}, and so ${without}.`,
      'Name the data folder of the reconciler with --data, or its configuration with --config.',
    )
  return openSqliteStore({ file, clock: systemClock, newId: randomUUID, readOnly: true })
}

/** A key without its store: what runs would be taken for nobody's, and a second fleet be made beside it. */
export function refuseLostStore(config: Config): void {
  const [store, key] = [storeFile(config), keyFile(config)]
  // A key that is kept elsewhere may be older than any store.
  if (config.key !== undefined) return
  if (existsSync(store) || existsSync(`${store}-wal`) || !existsSync(key)) return
  throw new KeyError(
    `${store} is missing, but ${key} beside it was made with it; restore it from a backup, or remove ${config.data} to begin anew`,
  )
}

export function missingKey(config: Config): KeyError {
  return new KeyError(
    `${keyFile(config)} is missing, but the store beside it knows instances; restore the key from the same backup as the store`,
  )
}

export function storeFile({ data }: Config): string {
  return join(data, 'weir.db')
}

export function keyFile({ data, key }: Config): string {
  return key ?? join(data, 'fleet.key')
}
