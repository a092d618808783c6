import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { withLock } from '../../reconciler/source/cache-lock.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'

const { signal } = new AbortController()
const program = join(import.meta.dirname, '../support/lock-holder.ts')
const deps = { clock: systemClock, signal }

/** A process that has the lock, and holds it until it is killed. */
async function holder(file: string) {
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

/** Several wait for the lock at once; how many were ever inside together, and how many got in. */
async function contend(file: string, waiters: number) {
  let [inside, most, done] = [0, 0, 0]
  const enter = async () =>
    withLock(
      file,
      async () => {
        inside += 1
        most = Math.max(most, inside)
        await writeFile(`${file}.work`, String(inside))
        await readFile(`${file}.work`)
        inside -= 1
        done += 1
      },
      deps,
    )
  await Promise.all(Array.from({ length: waiters }, enter))
  return { most, done }
}

t.test('one at a time', async (t) => {
  t.same(await contend(join(t.testdir(), 'lock.db'), 8), { most: 1, done: 8 })
})

t.test('a holder that lives keeps others out; one that is killed lets in one after the other', async (t) => {
  const file = join(t.testdir(), 'lock.db')
  const child = await holder(file)
  const impatient = AbortSignal.timeout(300)
  await t.rejects(withLock(file, async () => undefined, { clock: systemClock, signal: impatient }))
  const waiting = contend(file, 8)
  child.kill('SIGKILL')
  t.same(await waiting, { most: 1, done: 8 })
})

t.test('what is no lock is cleared away', async (t) => {
  const file = join(t.testdir({ 'lock.db': 'somebody wrote here'.repeat(100) }), 'lock.db')
  t.same(await contend(file, 1), { most: 1, done: 1 })
})

t.test('the lock is given back when the work fails', async (t) => {
  const file = join(t.testdir(), 'lock.db')
  const failing = async (): Promise<void> => {
    throw new Error('no')
  }
  await t.rejects(withLock(file, failing, deps), { message: 'no' })
  t.same(await contend(file, 1), { most: 1, done: 1 })
})
