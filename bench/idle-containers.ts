import { setTimeout as pause } from 'node:timers/promises'
import { instanceImage, withoutDocker } from '../test/engines/docker.ts'
import { engineLink, type EngineLink } from '../test/support/engine-link.ts'
import { statOf } from '../test/support/process-stat.ts'
import { stack } from '../test/support/stack.ts'
import { until } from '../test/support/until.ts'
import { openEnginePart } from './containers.ts'
import { endProcess } from './node-red.ts'
import { median } from './samples.ts'
import { manifestWith, prepareFleet, type ServedFleet } from './served-fleet.ts'
import type { Row } from './workbench.ts'

const count = 200
const turns = 7
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

/** The middle between two rounds of the schedule. */
async function untilMiddle(): Promise<void> {
  await pause(periodMs - ((Date.now() + periodMs / 2) % periodMs))
}

/** From one middle to the next. @throws Error where that held anything but one round that only looks. */
async function turn(pid: number, link: EngineLink): Promise<Turn> {
  const [cpuMs, calls] = [statOf(pid)?.cpuMs ?? 0, link.calls.length]
  await untilMiddle()
  const made = link.calls.slice(calls)
  const looks = made.filter((call) => call === 'GET /containers/json').length
  if (looks !== 1 || made.some((call) => !call.startsWith('GET ')))
    throw new Error(`not one round that changes nothing: ${made.join(', ')}`)
  return { cpuMs: (statOf(pid)?.cpuMs ?? 0) - cpuMs, calls: made }
}

async function allReady(served: ServedFleet): Promise<boolean> {
  const fleet = await served.view()
  return fleet?.instances.ready === count && fleet.instances.drifted === 0
}

export const idleContainersRow: Row = {
  name: 'idle-containers',
  leftOut: withoutDocker,
  measure: async (bench) => {
    const part = await openEnginePart(bench)
    const { mark, gateway } = part
    const image = await part.build(standInImage, stack.nodeRed)
    const link = await engineLink()
    bench.atEnd(async () => link[Symbol.asyncDispose]())
    const docker = { host: `unix://${link.socketPath}`, network: mark, image }
    const served = await prepareFleet(bench, { gateway, docker, schedule })
    for (let index = 0; index < count; index += 1) {
      const name = `${mark}-${index}`
      const more = `hostname: line-${index}.example.com\n  resources: { memory: 256Mi, cpu: 500m }`
      await served.fleet.write({ [`line-${index}.yaml`]: manifestWith(name, mark, more) })
    }
    await served.fleet.commit('Declare the fleet')
    const reconciler = served.serve()
    const { pid = 0 } = reconciler
    const patience = { within: patienceMs, every: 1000 }
    await until(`${count} containers run`, async () => allReady(served), patience)
    await untilMiddle()
    const taken: Turn[] = []
    await turn(pid, link)
    for (let index = 0; index < turns; index += 1) taken.push(await turn(pid, link))
    if (!(await allReady(served))) throw new Error('the fleet is not as declared any more')
    await endProcess(reconciler)
    await part.clear()
    const cpu = taken.map(({ cpuMs }) => cpuMs)
    const calls = taken.map((each) => each.calls.length)
    const common = {
      row: 'idle-containers',
      note: `real containers with our launcher, made by the driver, each asked in every round; in Node-RED's place a process that only answers, and no health check, so that a machine can hold ${count}; all that \`reconcile serve\` does from one round of the schedule to the next, ${periodMs / 1000} s, Git's processes left out; ${turns} turns after one to warm up`,
    }
    return [
      {
        ...common,
        what: `no-op round of ${count} containers: calls of the engine`,
        unit: 'calls',
        ours: Math.max(...calls),
        samples: calls,
        target: { kind: 'most', most: 3 },
      },
      {
        ...common,
        what: `no-op round of ${count} containers: own CPU`,
        unit: 'ms',
        ours: median(cpu),
        samples: cpu,
        target: { kind: 'most', most: 300 },
      },
    ]
  },
}
