/** A process that takes the lock of the file it is given, says so, and holds it until it is killed. */
import { withLock } from '../../reconciler/source/cache-lock.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'

const { signal } = new AbortController()
const hold = async (): Promise<void> => {
  process.stdout.write('held\n')
  setInterval(() => undefined, 60_000)
  await new Promise(() => undefined)
}
await withLock(process.argv[2] ?? '', hold, { clock: systemClock, signal })
