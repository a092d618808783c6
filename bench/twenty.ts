import { type ChildProcess } from 'node:child_process'
import pLimit from 'p-limit'
import { freePortPair } from '../test/support/free-port.ts'
import { endProcess, startBare, untilAnswers } from './node-red.ts'
import { inTurns, median } from './samples.ts'
import { manifest, prepareFleet } from './served-fleet.ts'
import type { Row, Workbench } from './workbench.ts'

const count = 20
/** As many as the reconciler brings about at once. */
const concurrency = 4

async function ours(bench: Workbench): Promise<number> {
  const served = await prepareFleet(bench)
  const ports: number[] = []
  for (let index = 0; index < count; index += 1) {
    const port = await freePortPair()
    ports.push(port)
    await served.fleet.write({ [`press-${index}.yaml`]: manifest(`press-${index}`, port, `m${index}`) })
  }
  await served.fleet.commit('Declare the fleet')
  const begun = performance.now()
  const reconciler = served.serve()
  const ready = await Promise.all(ports.map((port, index) => untilAnswers(port, '/mark', `m${index}`)))
  await endProcess(reconciler)
  return Math.max(...ready) - begun
}

async function limit(bench: Workbench): Promise<number> {
  const folders = await Promise.all(Array.from({ length: count }, () => bench.folder('bare')))
  const atOnce = pLimit(concurrency)
  const started: ChildProcess[] = []
  const begun = performance.now()
  const ready = await Promise.all(
    folders.map((folder) =>
      atOnce(async () => {
        const { process, port } = await startBare(folder, 'bare')
        started.push(process)
        return untilAnswers(port, '/mark', 'bare')
      }),
    ),
  )
  await Promise.all(started.map((process) => endProcess(process)))
  return Math.max(...ready) - begun
}

export const twentyRow: Row = {
  name: 'twenty',
  measure: async (bench) => {
    const samples = await inTurns(
      3,
      () => ours(bench),
      () => limit(bench),
    )
    return [
      {
        row: 'twenty',
        what: '20 instances from nothing to ready',
        unit: 'ms',
        ours: median(samples.ours),
        samples: samples.ours,
        against: { what: '20 bare Node-REDs', value: median(samples.limit), samples: samples.limit },
        target: { kind: 'ratio', ratio: 1.25 },
        note: `from the start of \`reconcile serve\` to the last answer of the flows' endpoints, ${concurrency} at once; an empty data folder, the stack installed; 3 turns after one to warm up`,
      },
    ]
  },
}
