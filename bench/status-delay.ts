import type { Check } from './check.ts'
import { freePortPair } from '../test/support/free-port.ts'
import { endProcess, untilAnswers } from './node-red.ts'
import { median } from './samples.ts'
import { manifest, prepareFleet, untilRunning } from './served-fleet.ts'
import type { Row } from './workbench.ts'

const instances = 6

export const statusRow: Row = {
  name: 'status',
  measure: async (bench) => {
    const served = await prepareFleet(bench)
    await served.fleet.commit('Declare the platform')
    const reconciler = served.serve()
    const delays: number[] = []
    for (let index = 0; index < instances; index += 1) {
      const [name, port] = [`press-${index}`, await freePortPair()]
      await served.fleet.write({ [`${name}.yaml`]: manifest(name, port, 'a') })
      await served.fleet.commit(`Add ${name}`)
      const [answered, said] = await Promise.all([untilAnswers(port), untilRunning(served, name)])
      // negative where the status is first: it then told what was not yet so
      if (index > 0) delays.push(said - answered)
    }
    await endProcess(reconciler)
    const check: Check = {
      row: 'status',
      what: 'editor answering to status running',
      unit: 'ms',
      ours: median(delays),
      samples: delays,
      target: { kind: 'most', most: 100 },
      note: `GET /api/v1/instances/NAME of a real serve and GET / of the editor, both looked at every 5 ms; ${instances - 1} new instances, one after the other`,
    }
    return [check]
  },
}
