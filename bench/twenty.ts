import pLimit from 'p-limit'
import { freePortPair } from '../test/support/free-port.ts'
import { bareMark, endProcess, startBare, untilAnswers } from './node-red.ts'
import { inTurns, median } from './samples.ts'
import { manifest, prepareFleet } from './served-fleet.ts'
import type { Row, Workbench } from './workbench.ts'

const count = 20
/** As many as the reconciler brings about at once. */
const concurrency = 4

/** In ms. Every port is asked from the beginning, in both: what asks runs on the same processors. */
const pollMs = 20

/** `performance.now()` of when the last of them answers with its mark. */
async function lastAnswer(ports: readonly number[], markOf: (index: number) => string): Promise<number> {
  const ready = ports.map((port, index) => untilAnswers(port, '/mark', markOf(index), { pollMs }))
  return Math.max(...(await Promise.all(ready)))
}

async function freePorts(): Promise<readonly number[]> {
  const ports: number[] = []
  for (let index = 0; index < count; index += 1) ports.push(await freePortPair())
  return ports
}

async function ours(bench: Workbench): Promise<number> {
  const served = await prepareFleet(bench)
  const ports = await freePorts()
  for (const [index, port] of ports.entries())
    await served.fleet.write({ [`press-${index}.yaml`]: manifest(`press-${index}`, port, `m${index}`) })
  await served.fleet.commit('Declare the fleet')
  const begun = performance.now()
  const reconciler = served.serve()
  const last = await lastAnswer(ports, (index) => `m${index}`)
  await endProcess(reconciler)
  return last - begun
}

async function limit(bench: Workbench): Promise<number> {
  const ports = await freePorts()
  const folders = await Promise.all(ports.map(() => bench.folder('bare')))
  const atOnce = pLimit(concurrency)
  const begun = performance.now()
  const starts = ports.map((port, index) =>
    atOnce(async () => {
      const { process } = await startBare(folders[index] ?? '', { port })
      await untilAnswers(port, '/mark', bareMark, { pollMs })
      return process
    }),
  )
  const last = await lastAnswer(ports, () => bareMark)
  await Promise.all((await Promise.all(starts)).map((process) => endProcess(process)))
  return last - begun
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
        note: `from the start of \`reconcile serve\` to the last answer of the flows' endpoints, ${concurrency} at once; each asked every ${pollMs} ms; an empty data folder, the stack installed; 3 turns after one to warm up`,
      },
    ]
  },
}
