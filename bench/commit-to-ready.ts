import { freePortPair } from '../test/support/free-port.ts'
import { bareMark, endProcess, startBare, untilAnswers } from './node-red.ts'
import { inTurns, median } from './samples.ts'
import { manifest, prepareFleet, untilRunning } from './served-fleet.ts'
import type { Row } from './workbench.ts'

export const commitRow: Row = {
  name: 'commit',
  measure: async (bench) => {
    const served = await prepareFleet(bench)
    const port = await freePortPair()
    const declare = (mark: string) => served.fleet.write({ 'press.yaml': manifest('press', port, mark) })
    await declare('first')
    await served.fleet.commit('Declare the fleet')
    const reconciler = served.serve()
    await untilAnswers(port, '/mark', 'first')
    await untilRunning(served, 'press')
    const bare = await bench.folder('bare')
    let turn = 0
    const { ours, limit } = await inTurns(
      7,
      async () => {
        turn += 1
        await declare(`turn-${turn}`)
        const begun = performance.now()
        await served.fleet.commit(`Turn ${turn}`)
        return (await untilAnswers(port, '/mark', `turn-${turn}`)) - begun
      },
      async () => {
        const { process, port: barePort, started } = await startBare(bare)
        const ms = (await untilAnswers(barePort, '/mark', bareMark)) - started
        await endProcess(process)
        return ms
      },
    )
    await endProcess(reconciler)
    return [
      {
        row: 'commit',
        what: 'commit to changed instance ready',
        unit: 'ms',
        ours: median(ours),
        samples: ours,
        against: { what: 'bare Node-RED start', value: median(limit), samples: limit },
        target: { kind: 'ratio', ratio: 1.3, plus: 300 },
        note: 'from the start of `git commit` (a changed variable) to the new value from an HTTP endpoint of its flows; 7 turns after one to warm up',
      },
    ]
  },
}
