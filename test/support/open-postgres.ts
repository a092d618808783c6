import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { parseStoreUrl, type PostgresTarget } from '../../reconciler/model/store-url.ts'
import { openPostgresStore } from '../../reconciler/store/postgres-store.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'

let made = 0

export function targetOf(url: string): PostgresTarget {
  const target = parseStoreUrl(url, (path) => path)
  if (target.kind !== 'postgres') throw new Error(url)
  return target
}

/** Opens the store in a database of a test's server. `said`: what it logs. */
export async function openPostgres(url: string, readOnly = false, said: string[] = []): Promise<Store> {
  const say = (_fields: object, message: string): void => void said.push(message)
  return openPostgresStore({
    target: targetOf(url),
    clock: systemClock,
    newId: () => `fleet-${++made}`,
    name: `process ${process.pid} on ${hostname()} (${randomUUID()})`,
    log: { info: say, warn: say },
    readOnly,
  })
}
