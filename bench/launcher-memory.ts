import { spawn } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { childrenOf, pssMB } from './memory.ts'
import { endProcess, startBare, untilAnswers } from './node-red.ts'
import { nodeRedPid, prepareLauncher } from './one-launcher.ts'
import { inTurns, median } from './samples.ts'
import type { Row } from './workbench.ts'

/** The least that a Node.js process which serves HTTP can be. */
const leastServer = `require('node:http').createServer((q, s) => s.end('ok')).listen(0, '127.0.0.1', function () { process.stdout.write(String(this.address().port)) })`

/** How long a process rests before its memory is looked at, in milliseconds. */
export const restMs = 8000

export const memoryRow: Row = {
  name: 'memory',
  measure: async (bench) => {
    // A copy of Node.js for each of the two, so that no other process shares its pages.
    const folder = await bench.folder('node')
    const [node, leastNode] = [join(folder, 'ours'), join(folder, 'least')]
    await copyFile(process.execPath, node)
    await copyFile(process.execPath, leastNode)
    const launcher = await prepareLauncher(bench, node)
    const bare = await bench.folder('bare')
    const { ours, limit } = await inTurns(
      3,
      async () => {
        const { process: child } = launcher.start()
        await untilAnswers(launcher.port)
        await pause(restMs)
        const nodeRed = nodeRedPid(launcher.door)
        const own = (await childrenOf(child.pid ?? 0)).filter((pid) => pid !== nodeRed)
        const sizes = await Promise.all([child.pid ?? 0, ...own].map(pssMB))
        await endProcess(child)
        return sizes.reduce((sum, size) => sum + size, 0)
      },
      async () => {
        const least = spawn(leastNode, ['--eval', leastServer], {
          stdio: ['ignore', 'pipe', 'ignore'],
        })
        const port = Number(await new Promise((resolve) => least.stdout.once('data', resolve)))
        const nodeRed = await startBare(bare, { node: leastNode })
        await untilAnswers(nodeRed.port)
        await untilAnswers(port)
        await pause(restMs)
        const size = await pssMB(least.pid ?? 0)
        await Promise.all([endProcess(least), endProcess(nodeRed.process)])
        return size
      },
    )
    return [
      {
        row: 'memory',
        what: "launcher's own memory with its watchdog (PSS)",
        unit: 'MB',
        ours: median(ours),
        samples: ours,
        against: { what: 'least HTTP server', value: median(limit), samples: limit },
        target: { kind: 'ratio', ratio: 1.15 },
        note: `each beside one Node-RED that alone shares its Node.js, ${restMs / 1000} s after it answers; 3 each, in turns, after one to warm up`,
      },
    ]
  },
}
