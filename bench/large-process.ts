/**
 * A reconciler of a large fleet whose engine is memory, as a process of its own. `seed` enters every instance as applied;
 * `measure` serves the converged fleet and prints what a round costs as JSON.
 */
import { execFileSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { openFleet } from './git-fleet.ts'
import { instance, instancePath } from './fleet-repository.ts'
import { largeFleet } from './large-repository.ts'
import { createPlace } from '../reconciler/apply/place.ts'
import { compose, type Composition } from '../reconciler/compose.ts'
import { loadConfig } from '../reconciler/config.ts'
import { readDesired, reconcile } from '../reconciler/control/reconcile.ts'
import { createMemoryDriver } from '../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../reconciler/drivers/memory/memory-world.ts'
import type { Driver } from '../reconciler/drivers/driver.ts'
import type { PlacedInstance } from '../reconciler/model/placed-instance.ts'
import { Secret } from '../reconciler/model/secret.ts'
import { createMetrics } from '../reconciler/telemetry/metrics.ts'
import { statOf } from '../test/support/process-stat.ts'

/** What a number of rounds cost. CPU includes the children's, that is Git's, to 10 ms. */
export interface Told {
  /** From a wake-up by the schedule until everything is quiet: what runs and the source were both looked at. */
  readonly noOp: readonly RoundCost[]
  readonly change: readonly RoundCost[]
  readonly residentMB: number
  readonly peakMB: number
}

export interface RoundCost {
  readonly wallMs: number
  readonly ownCpuMs: number
  readonly childrenCpuMs: number
  readonly remoteCalls: number
}

const turns = 7
const rounds = new EventEmitter()
const [mode, source, folder] = process.argv.slice(2)
if (source === undefined || folder === undefined) throw new Error('seed|measure SOURCE FOLDER')

const credentials = {
  runtimeUrl: 'http://127.0.0.1:1',
  runtimeToken: new Secret('runtime'),
  adminToken: new Secret('admin'),
}
const never = new AbortController().signal
const gitLog = join(folder, 'git-calls')
const childrenCpuMs = () => statOf(process.pid)?.childrenCpuMs ?? 0

/** Git, that says each time how it was called. */
function watchedGit(): string {
  const bin = join(folder ?? '', 'bin')
  mkdirSync(bin, { recursive: true })
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$*" >> '${gitLog}'\nexec ${real} "$@"\n`)
  chmodSync(join(bin, 'git'), 0o755)
  appendFileSync(gitLog, '')
  return `${bin}:${process.env['PATH'] ?? ''}`
}

function remoteCalls(): number {
  return readFileSync(gitLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes('ls-remote')).length
}

async function open(signal: AbortSignal, ended: () => void): Promise<Composition> {
  const config = await loadConfig({ config: join(folder ?? '', 'config.yaml'), source: source ?? '' }, '/')
  const metrics = createMetrics(new Registry())
  const world = createMemoryWorld()
  const composition: Composition = await compose(
    config,
    { maxShare: 1 },
    {
      environment: { ...process.env, PATH: watchedGit() },
      log: pino({ level: 'error' }, pino.destination(2)),
      signal,
      launcher: '',
      metrics: {
        ...metrics,
        reconciled: (...args) => {
          metrics.reconciled(...args)
          ended()
        },
      },
      drivers: (fleet) => {
        const driver = createMemoryDriver({ fleet, world })
        const update: Driver['update'] = async (before, after, given, abort) => {
          await driver.update(before, after, given, abort)
          composition.deps.health.report(runningAs(after))
        }
        return new Map([['localfs', { ...driver, update }]])
      },
    },
  )
  return composition
}

/** What a launcher would say. */
function runningAs({ uid, fleet, settings, spec }: PlacedInstance) {
  return {
    uid,
    name: spec.name,
    fleet,
    phase: 'running',
    settings,
    settingsFile: 'intact',
    modules: spec.modules,
    versions: { nodeRed: spec.stack.nodeRed, node: '24' },
    restarts: 0,
    since: '2026-01-01T00:00:00.000Z',
  } as const
}

async function seed(): Promise<void> {
  await using composition = await open(never, () => undefined)
  const { deps } = composition
  const desired = await readDesired(deps, never)
  const round = await reconcile(desired, deps, never)
  const driver = deps.drivers.get('localfs')
  const place = createPlace(deps.store.fleet, deps.drivers)
  for (const [name, spec] of round.desired.instances) {
    const entry = await deps.store.allot({
      uid: `uid-${name}`,
      name,
      driver: 'localfs',
      tokenSha256: name,
      reserved: new Set(),
    })
    const expected = driver?.expected(place(entry, spec)) ?? {}
    await deps.store.saveApplied(entry.uid, {
      spec,
      expected,
      revision: desired.revision.id,
      at: new Date().toISOString(),
    })
  }
}

async function measure(): Promise<Told> {
  const ending = new AbortController()
  let ended = 0
  await using composition = await open(ending.signal, () => {
    ended += 1
    rounds.emit('ended')
  })
  const { controller, deps, board } = composition
  const place = createPlace(deps.store.fleet, deps.drivers)
  for (const entry of await deps.store.inventory())
    if (entry.applied !== undefined)
      await deps.drivers.get('localfs')?.create(place(entry, entry.applied.spec), credentials, never)
  const serving = controller.serve(ending.signal).catch(() => undefined)
  const quiet = async () => {
    for (let before = -1; before !== ended || !deps.executor.idle;) {
      before = ended
      await pause(500)
    }
  }
  while (board.current().plan === undefined) await once(rounds, 'ended')
  await quiet()
  const { plan } = board.current()
  if (plan === undefined || plan.actions.length > 0 || plan.problems.length > 0)
    throw new Error(`the fleet has not converged: ${plan?.summary.headline}`)

  const cost = async (work: () => Promise<void>, done: () => Promise<void>): Promise<RoundCost> => {
    const [wall, own, children, calls] = [
      performance.now(),
      process.cpuUsage(),
      childrenCpuMs(),
      remoteCalls(),
    ]
    await work()
    await done()
    const { user, system } = process.cpuUsage(own)
    const wallMs = performance.now() - wall
    return {
      wallMs,
      ownCpuMs: (user + system) / 1000,
      childrenCpuMs: childrenCpuMs() - children,
      remoteCalls: remoteCalls() - calls,
    }
  }

  const noOp: RoundCost[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const before = { ended, calls: remoteCalls() }
    noOp.push(
      await cost(
        async () => controller.wake('schedule'),
        async () => {
          while (ended === before.ended || remoteCalls() === before.calls) await pause(10)
          await quiet()
        },
      ),
    )
    if (ended !== before.ended + 1) throw new Error(`a no-op took ${ended - before.ended} rounds`)
  }
  const residentMB = process.memoryUsage().rss / 1e6
  const fleet = await openFleet(source ?? '')
  const change: RoundCost[] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const index = turn * 37
    const marked = `${turn}-${Date.now()}`
    const text = instance(index, largeFleet.teams).replace("value: '0'", `value: '${marked}'`)
    const commit = await fleet.prepare(instancePath(index, largeFleet.teams), text)
    change.push(
      await cost(
        async () => fleet.publish(commit),
        async () => {
          while (board.current().plan?.revision !== commit) await once(rounds, 'ended')
        },
      ),
    )
    if (board.current().plan?.actions.length !== 1) throw new Error('one change should be one action')
    await quiet()
  }
  ending.abort()
  await serving
  return { noOp, change, residentMB, peakMB: (process.resourceUsage().maxRSS * 1024) / 1e6 }
}

if (mode === 'seed') await seed()
else process.stdout.write(JSON.stringify(await measure()))
