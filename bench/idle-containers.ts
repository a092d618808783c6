import { setTimeout as pause } from 'node:timers/promises'
import { instanceImage, withoutDocker } from '../test/engines/docker.ts'
import { engineLink, type EngineLink } from '../test/support/engine-link.ts'
import { statOf } from '../test/support/process-stat.ts'
import { stack } from '../test/support/stack.ts'
import { until } from '../test/support/until.ts'
import { openEnginePart, type EnginePart } from './containers.ts'
import { endProcess } from './node-red.ts'
import { median } from './samples.ts'
import { manifestWith, prepareFleet, type ServedFleet } from './served-fleet.ts'
import type { Row, Workbench } from './workbench.ts'

const count = 200
const turns = 7
/** So many rounds go by first: memory that the start has taken is given back meanwhile, which takes processor time of its own. */
const settling = 6
/** Of the schedule: each turn holds one round of it. In milliseconds. */
const periodMs = 10_000
const schedule = '*/10 * * * * *'
/** How long the fleet may take to come up, in milliseconds. */
const patienceMs = 1_800_000

/** Our image with something small in Node-RED's place, of which a machine can run so many; the launcher is the real one. */
const standInImage = {
  Dockerfile: `FROM ${instanceImage}
LABEL org.opencontainers.image.title="Weir's launcher with a stand-in for Node-RED"
COPY red.js /opt/node-red/node_modules/node-red/red.js
HEALTHCHECK NONE
`,
  'red.js': `// Stands in for Node-RED: says that it is there, and does nothing.
require('node:http').createServer((_, response) => response.writeHead(204).end()).listen(1880)
`,
}

interface Turn {
  readonly cpuMs: number
  readonly calls: readonly string[]
}

/** Waits for a moment in the middle between two rounds of the schedule; each is a period after the one before. */
function middles(): () => Promise<void> {
  let next = Math.ceil(Date.now() / periodMs) * periodMs - periodMs / 2
  return async () => {
    next += periodMs
    await pause(next - Date.now())
  }
}

/**
 * From the middle of now to the next. Undefined where that held no round: node-cron leaves one out when its timer is late.
 * @throws Error where something was changed.
 */
async function turn(
  pid: number,
  link: EngineLink,
  untilMiddle: () => Promise<void>,
): Promise<Turn | undefined> {
  const [cpuMs, calls] = [statOf(pid)?.cpuMs ?? 0, link.calls.length]
  await untilMiddle()
  const made = link.calls.slice(calls)
  const change = made.find((call) => !call.startsWith('GET '))
  if (change !== undefined) throw new Error(`it is no round that only looks: ${change}`)
  return made.length === 0 ? undefined : { cpuMs: (statOf(pid)?.cpuMs ?? 0) - cpuMs, calls: made }
}

async function allReady(served: ServedFleet): Promise<boolean> {
  const fleet = await served.view()
  return fleet?.instances.ready === count && fleet.instances.drifted === 0
}

/** A served fleet that has come up, whose reconciler reaches the engine by the link. */
async function bringUp(bench: Workbench, part: EnginePart, link: EngineLink) {
  const { mark, gateway } = part
  const image = await part.build(standInImage, stack.nodeRed)
  const docker = { host: `unix://${link.socketPath}`, network: mark, image }
  const served = await prepareFleet(bench, { gateway, docker, schedule })
  for (let index = 0; index < count; index += 1) {
    const more = `hostname: line-${index}.example.com\n  resources: { memory: 256Mi, cpu: 500m }`
    await served.fleet.write({ [`line-${index}.yaml`]: manifestWith(`${mark}-${index}`, mark, more) })
  }
  await served.fleet.commit('Declare the fleet')
  const reconciler = served.serve()
  const patience = { within: patienceMs, every: 1000 }
  await until(`${count} containers run`, async () => allReady(served), patience)
  return { served, reconciler }
}

async function takeTurns(pid: number, link: EngineLink): Promise<readonly Turn[]> {
  const untilMiddle = middles()
  await untilMiddle()
  for (let index = 0; index < settling; index += 1) await turn(pid, link, untilMiddle)
  const taken: Turn[] = []
  for (let index = 0; taken.length < turns && index < 3 * turns; index += 1)
    taken.push(...[await turn(pid, link, untilMiddle)].filter((one) => one !== undefined))
  if (taken.length < turns) throw new Error(`only ${taken.length} of ${3 * turns} rounds took place`)
  return taken
}

export const idleContainersRow: Row = {
  name: 'idle-containers',
  leftOut: withoutDocker,
  measure: async (bench) => {
    const part = await openEnginePart(bench)
    const link = await engineLink()
    bench.atEnd(async () => link[Symbol.asyncDispose]())
    const { served, reconciler } = await bringUp(bench, part, link)
    const taken = await takeTurns(reconciler.pid ?? 0, link)
    await until('the fleet still is as declared', async () => allReady(served))
    await endProcess(reconciler)
    await part.clear()
    const cpu = taken.map(({ cpuMs }) => cpuMs)
    const calls = taken.map((each) => each.calls.length)
    const row = {
      row: 'idle-containers',
      note: `real containers with our launcher, made by the driver, each launcher asked in every round; in Node-RED's place a process that only answers, and no health check, so that a machine can hold ${count}; all that \`reconcile serve\` does from one round of the schedule to the next, ${periodMs / 1000} s, Git's processes left out; ${turns} turns after ${settling} that let it settle`,
    }
    return [
      {
        ...row,
        what: `no-op round of ${count} containers: calls of the engine`,
        unit: 'calls',
        ours: Math.max(...calls),
        samples: calls,
        target: { kind: 'most', most: 3 },
      },
      {
        ...row,
        what: `no-op round of ${count} containers: own CPU`,
        unit: 'ms',
        ours: median(cpu),
        samples: cpu,
        target: { kind: 'most', most: 300 },
      },
    ]
  },
}
