import pLimit from 'p-limit'
import { withoutDocker, instanceImage } from '../test/engines/docker.ts'
import { docker } from '../test/support/docker-cli.ts'
import { stack } from '../test/support/stack.ts'
import { openEnginePart, type EnginePart } from './containers.ts'
import { bareSettings, endProcess, markFlows } from './node-red.ts'
import { inTurns, median } from './samples.ts'
import { manifestWith, prepareFleet } from './served-fleet.ts'
import type { Row, Workbench } from './workbench.ts'

const count = 20
/** As many as the reconciler brings about at once. */
const concurrency = 4

/** Node-RED as its own image starts it, on the layers of ours, and without what we have compiled ahead. */
const bareImage = {
  Dockerfile: `FROM ${instanceImage}
COPY --chown=1000:1000 flows.json settings.js /data/
ENV NODE_COMPILE_CACHE=
HEALTHCHECK NONE
ENTRYPOINT ["node", "/opt/node-red/node_modules/node-red/red.js", "--userDir", "/data"]
`,
  'flows.json': JSON.stringify(markFlows),
  'settings.js': bareSettings('0.0.0.0'),
}

async function ours(bench: Workbench, part: EnginePart): Promise<number> {
  const { mark, gateway } = part
  const served = await prepareFleet(bench, { gateway, docker: { network: mark } })
  for (let index = 0; index < count; index += 1)
    await served.fleet.write({ [`press-${index}.yaml`]: manifestWith(`${mark}-${index}`, mark, '') })
  await served.fleet.commit('Declare the fleet')
  const answers = await part.firstAnswers(count)
  const begun = performance.now()
  const reconciler = served.serve()
  const last = Math.max(...(await Promise.all(answers)))
  await endProcess(reconciler)
  await part.clear()
  return last - begun
}

async function limit(part: EnginePart, image: string): Promise<number> {
  const { mark } = part
  const answers = await part.firstAnswers(count)
  const atOnce = pLimit(concurrency)
  const begun = performance.now()
  const starts = answers.map((answer, index) =>
    atOnce(async () => {
      const name = `${mark}-${index}`
      const words = ['--name', name, '--network', mark, '--volume', `${name}:/data`, '--env', `MARK=${mark}`]
      await docker('run', '--detach', ...words, image)
      return answer
    }),
  )
  const last = Math.max(...(await Promise.all(starts)))
  await part.clear()
  return last - begun
}

export const twentyContainersRow: Row = {
  name: 'containers',
  leftOut: withoutDocker,
  measure: async (bench) => {
    const part = await openEnginePart(bench)
    const image = `${await part.build(bareImage, stack.nodeRed)}:${stack.nodeRed}`
    const samples = await inTurns(
      3,
      () => ours(bench, part),
      () => limit(part, image),
    )
    return [
      {
        row: 'containers',
        what: `${count} containers from nothing to ready`,
        unit: 'ms',
        ours: median(samples.ours),
        samples: samples.ours,
        against: {
          what: '`docker run` of bare Node-RED',
          value: median(samples.limit),
          samples: samples.limit,
        },
        target: { kind: 'ratio', ratio: 1.25 },
        note: `from the start of \`reconcile serve\`, or of the first \`docker run\`, to the last answer of an HTTP endpoint of the flows, ${concurrency} at once; each container asked every 20 ms from its start; the same network, new volumes, no ports published; the bare image has our layers, but neither launcher nor health check nor a compile cache; 3 turns after one to warm up`,
      },
    ]
  },
}
