/**
 * A process that opens a store and says on stdout what it did, one word a line. Arguments: the file or the URL, then what to do:
 * `hold` waits for its end; `begin` opens an action and waits; `fill` writes until writing fails; `tell` grows the
 * audit trail, five facts at a time, and says how long it is.
 */
import { hostname } from 'node:os'
import { parseStoreUrl } from '../../reconciler/model/store-url.ts'
import { openPostgresStore } from '../../reconciler/store/postgres-store.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import { StoreError, type Store } from '../../reconciler/store/store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { applied } from './inventory-fixtures.ts'

const [file = '', task = 'hold'] = process.argv.slice(2)
const say = (word: string): void => {
  process.stdout.write(`${word}\n`)
}

async function openStore(place: string): Promise<Store> {
  const deps = { clock: systemClock, newId: () => 'fleet-of-child' }
  if (!place.startsWith('postgres:')) return openSqliteStore({ ...deps, file: place })
  const target = parseStoreUrl(place, (path) => path)
  if (target.kind !== 'postgres') throw new Error(place)
  const log = { info: () => undefined, warn: () => undefined }
  return openPostgresStore({ ...deps, target, name: `process ${process.pid} on ${hostname()}`, log })
}

// With a handler the limit on the size of a file is an error of write(2), as a full disk is.
process.on('SIGXFSZ', () => undefined)

try {
  const store = await openStore(file)
  if (task === 'begin') {
    await store.allot({ uid: 'u', name: 'press', driver: 'localfs', firstPort: 12080, tokenSha256: 't' })
    await store.beginAction({
      planId: 'plan',
      revision: 'rev',
      uid: 'u',
      name: 'press',
      action: 'create',
      startedAt: '2026-01-01T00:00:00.000Z',
    })
  }
  say('ready')
  for (let index = 0; index < (task === 'fill' ? Infinity : 0); index++) {
    const name = `press-${index}`
    await store.allot({ uid: name, name, driver: 'localfs', firstPort: 12080, tokenSha256: name })
    await store.saveApplied(name, applied(name, { expected: { padding: 'x'.repeat(20_000) } }))
    say(name)
  }
  for (let index = 0; index < (task === 'tell' ? Infinity : 0); index++) {
    const fact = { at: '2026-01-01T00:00:00.000Z', event: 'deploy', user: 'alice' } as const
    const told = Array.from({ length: 5 }, (_, part) => ({ ...fact, key: `${index}/${part}` }))
    say(String((await store.appendAudit(told)).at(-1)?.id))
  }
  setInterval(() => undefined, 1000)
} catch (error) {
  say(error instanceof StoreError ? error.code : String(error))
}
