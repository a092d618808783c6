/**
 * A reconciler that converges once and kills itself on the way. Arguments: the configuration file, and the steps at which
 * it lives on, or `--at` and the one step at which it does not. Where it ends it tells the step on stdout; where it meets
 * none it ends by itself.
 *
 * A step is whatever another reconciler could find: what the store holds after each write, and every change of the
 * files of instances and of the processes that serve them, wherever inside a driver's call that is.
 */
import { randomUUID } from 'node:crypto'
import { readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { assemble, adminTokens, composeSource } from '../../reconciler/compose.ts'
import { composeDrivers, type Surroundings } from '../../reconciler/compose-drivers.ts'
import { loadConfig, type Config } from '../../reconciler/config.ts'
import { openDoors } from '../../reconciler/doors.ts'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import { createProcessTable } from '../../reconciler/drivers/localfs/processes.ts'
import { openSqliteStore } from '../../reconciler/store/sqlite-store.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { createLogger } from '../../reconciler/telemetry/logger.ts'
import { createMetrics } from '../../reconciler/telemetry/metrics.ts'
import { nodeRedsOf } from './fleet.ts'

const [file = '', ...steps] = process.argv.slice(2)
const survives: (step: string) => boolean =
  steps[0] === '--at' ? (step) => step !== steps[1] : (step) => steps.includes(step)
const times = new Map<string, number>()

function step(what: string): void {
  const time = (times.get(what) ?? 0) + 1
  times.set(what, time)
  const name = `${what} (${time})`
  if (survives(name)) return
  writeSync(1, name)
  process.kill(process.pid, 'SIGKILL')
}

/** Statuses and history are left out: no plan is made from them. */
const storeWrites = new Set([
  'allot',
  'keepCredentialKeys',
  'adopt',
  'setPort',
  'rename',
  'saveApplied',
  'forget',
  'beginAction',
  'endAction',
])
const driverWrites = new Set(['create', 'update', 'remove'])

/** Takes a step after every call of these methods. */
function counting<T extends Store | Driver>(target: T, methods: ReadonlySet<string>): T {
  return new Proxy(target, {
    get(_, property) {
      const value: unknown = Reflect.get(target, property)
      if (typeof value !== 'function' || !methods.has(String(property))) return value
      return async (...args: readonly unknown[]) => {
        const answer: unknown = await Reflect.apply(value, target, args)
        step(`after ${String(property)}`)
        return answer
      }
    },
  })
}

/** Takes a step whenever files or processes are seen to have changed. */
async function watchWorld({ data }: Config): Promise<() => void> {
  const instances = join(data, 'instances')
  const table = createProcessTable({ platform: process.platform })
  const look = async (): Promise<ReadonlyMap<string, string>> =>
    new Map([
      ['files', filesIn(instances)],
      ['trash', namesIn(join(data, 'trash')).join(' ')],
      ['launchers', (await table.launchers(instances)).map(({ pid }) => pid).join(' ')],
      ['Node-REDs', nodeRedsOf(data).join(' ')],
    ])
  let seen = await look()
  const lookAgain = async () => {
    const now = await look()
    const changed = [...now].filter(([what, how]) => seen.get(what) !== how)
    seen = now
    for (const [what] of changed) step(`other ${what}`)
  }
  const timer = setInterval(() => void lookAgain(), 2)
  return () => clearInterval(timer)
}

/** What launchers start from, with what changes when it is replaced; drafts as well. */
function filesIn(instances: string): string {
  return namesIn(instances)
    .flatMap((uid) => namesIn(join(instances, uid)).map((name) => join(instances, uid, name)))
    .filter((path) => /launcher\.json[^/]*$/.test(path))
    .map((path) => `${path}:${statSync(path, { throwIfNoEntry: false })?.ino}`)
    .join(' ')
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const config = await loadConfig({ config: file }, process.cwd())
const ending = new AbortController()
const registry = new Registry()
const surroundings: Surroundings = {
  environment: process.env,
  log: createLogger({ level: 'error' }),
  signal: ending.signal,
  metrics: createMetrics(registry),
  launcher: join(import.meta.dirname, '../../launcher/main.ts'),
}
await using stack = new AsyncDisposableStack()
const store = stack.use(
  await openSqliteStore({ file: join(config.data, 'weir.db'), clock: systemClock, newId: randomUUID }),
)
const source = stack.use(await composeSource(config, surroundings))
const drivers = new Map(
  [...composeDrivers(config, store.fleet, surroundings, await adminTokens(config, store))].map(
    ([name, driver]) => [name, counting(stack.use(driver), driverWrites)],
  ),
)
const assembled = await assemble({
  config,
  surroundings,
  source,
  drivers,
  store: counting(store, storeWrites),
  policy: { maxShare: 1, allowed: 'all' },
})
const composition = { ...assembled, [Symbol.asyncDispose]: async () => undefined }
stack.use(await openDoors(config, composition, { log: surroundings.log, registry }))
stack.defer(await watchWorld(config))
const { kind } = await composition.controller.once(ending.signal)
process.exitCode = kind === 'converged' ? 0 : 1
