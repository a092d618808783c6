import { endProcess, startBare, untilAnswers } from './node-red.ts'
import { prepareLauncher } from './one-launcher.ts'
import { inTurns, median } from './samples.ts'
import type { Row } from './workbench.ts'

export const startRow: Row = {
  name: 'start',
  measure: async (bench) => {
    const launcher = await prepareLauncher(bench)
    const bare = await bench.folder('bare')
    const { ours, limit } = await inTurns(
      9,
      async () => {
        const { process, started } = launcher.start()
        const ms = (await untilAnswers(launcher.port)) - started
        await endProcess(process)
        return ms
      },
      async () => {
        const { process, port, started } = await startBare(bare)
        const ms = (await untilAnswers(port)) - started
        await endProcess(process)
        return ms
      },
    )
    return [
      {
        row: 'start',
        what: 'launcher start to editor answering',
        unit: 'ms',
        ours: median(ours),
        samples: ours,
        against: { what: 'bare Node-RED', value: median(limit), samples: limit },
        target: { kind: 'ratio', ratio: 1.15 },
        note: 'GET / answers 200, looked at every 5 ms; 9 starts each, in turns, after one to warm up',
      },
    ]
  },
}
