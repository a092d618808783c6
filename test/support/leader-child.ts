/**
 * A process that takes part in the election of a store and, while it leads, writes to the store and calls an engine as often as it
 * can, each time with the number of its term. Arguments: the URL of the store, that of the engine, and its own name. It says each
 * change of its role on stdout, a line each. SIGTERM ends it as `serve` ends.
 */
import { createElection } from '../../reconciler/election/election.ts'
import { fencedDriver } from '../../reconciler/drivers/fenced-driver.ts'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import { createMemoryDriver } from '../../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../../reconciler/drivers/memory/memory-world.ts'
import type { Term } from '../../reconciler/model/lease.ts'
import { postgresElection } from '../../reconciler/store/postgres-hold.ts'
import { sharePostgres } from '../../reconciler/store/postgres-shared.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { targetOf } from './open-postgres.ts'

const [url = '', engine = '', name = ''] = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const ending = new AbortController()
process.on('SIGTERM', () => ending.abort(new Error('ended')))

/** An engine that is told which term a call is of. */
function recordingDriver({ number }: Term): Driver {
  return {
    ...createMemoryDriver({ fleet: 'f', world: createMemoryWorld() }),
    remove: async (_uid, signal) => {
      await fetch(`${engine}/${number}/${name}`, { method: 'POST', signal })
    },
  }
}

async function act(store: Store, driver: Driver, term: Term, signal: AbortSignal): Promise<void> {
  for (let times = 1; !signal.aborted; times++) {
    const told = {
      at: 'now',
      event: 'deploy',
      user: String(term.number),
      key: `${term.number}/${times}`,
    } as const
    await store.appendAudit([told]).catch(() => undefined)
    await driver.remove('u', signal).catch(() => undefined)
  }
}

await using shared = await sharePostgres(targetOf(url), () => 'fleet')
const election = createElection(postgresElection(shared.lease, { clock: systemClock, name }), {
  onChange: (leadership) => {
    const term = leadership.kind === 'following' ? leadership.leader?.term : leadership.term
    say(term === undefined ? leadership.kind : `${leadership.kind} ${term}`)
  },
  onOutage: () => undefined,
})
const roles = {
  follow: async (signal: AbortSignal) => systemClock.sleep(2 ** 30, signal),
  lead: async (term: Term, signal: AbortSignal) => {
    while (!signal.aborted) {
      const store = await shared.openForTerm(term).catch(() => undefined)
      if (store !== undefined) await act(store, fencedDriver(recordingDriver(term), term), term, signal)
    }
  },
}
await election.run(roles, ending.signal)
say('ended')
