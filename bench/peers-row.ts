import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Check } from './check.ts'
import { restMs } from './launcher-memory.ts'
import { pssMB } from './memory.ts'
import { endProcess, startBare, untilAnswers } from './node-red.ts'
import { preparePeer, type PeerLauncher } from './peer-launcher.ts'
import { inTurns, median } from './samples.ts'
import type { Row } from './workbench.ts'

interface PeerLife {
  readonly startMs: number
  readonly statusMs: number
  readonly memoryMB: number
}

async function live(peer: PeerLauncher): Promise<PeerLife> {
  const { process: child, started } = peer.start()
  const answered = await untilAnswers(peer.port)
  while (peer.toldRunning() === undefined) await pause(5)
  const told = peer.toldRunning() ?? answered
  await pause(restMs)
  const memoryMB = await pssMB(child.pid ?? 0)
  await endProcess(child)
  return { startMs: answered - started, statusMs: Math.max(0, told - answered), memoryMB }
}

export const peersRow: Row = {
  name: 'peers',
  measure: async (bench) => {
    if (!bench.peers) return []
    const node = join(await bench.folder('node'), 'peer')
    await copyFile(process.execPath, node)
    const peer = await preparePeer(bench, node)
    const bare = await bench.folder('bare')
    const { ours, limit } = await inTurns(
      5,
      async () => live(peer),
      async () => {
        const { process: child, port, started } = await startBare(bare)
        const ms = (await untilAnswers(port)) - started
        await endProcess(child)
        return ms
      },
    )
    const told = (what: string, unit: Check['unit'], of: (life: PeerLife) => number): Check => ({
      row: 'peers',
      what: `FlowFuse's launcher: ${what}`,
      unit,
      ours: median(ours.map(of)),
      samples: ours.map(of),
      target: { kind: 'told' },
    })
    const start = told('start to editor answering', 'ms', ({ startMs }) => startMs)
    return [
      { ...start, against: { what: 'bare Node-RED', value: median(limit), samples: limit } },
      told('editor answering to status running', 'ms', ({ statusMs }) => statusMs),
      told('own memory (PSS)', 'MB', ({ memoryMB }) => memoryMB),
    ]
  },
}
