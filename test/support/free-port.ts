import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isAlive } from '../../reconciler/drivers/localfs/is-alive.ts'
import { reachable } from '../../reconciler/model/reachable.ts'

/**
 * Below the ports that systems give to outgoing connections, any of which may be taken the next moment, and above the last
 * that browsers refuse to ask (https://fetch.spec.whatwg.org/#port-blocking).
 */
const lowest = 10_100
const highest = 31_000
/** The same for all tests of this machine, whatever their TMPDIR: they share its ports. */
const claims = '/tmp/weir-test-ports'
const claimed = new Set<string>()

process.once('exit', () => {
  for (const claim of claimed) rmSync(claim, { force: true })
})

/** A port that is free together with the one 1000 above it, and that no other test was given. */
export async function freePortPair(): Promise<number> {
  mkdirSync(claims, { recursive: true })
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!claim(port) || !claim(port + 1000)) continue
    if ((await isFree(port)) && (await isFree(port + 1000))) return port
  }
}

/** By a file that names this process: what a process that was killed had claimed is free again. */
function claim(port: number): boolean {
  const file = join(claims, String(port))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      claimed.add(file)
      return true
    } catch {
      if (holderLives(file)) return false
      rmSync(file, { force: true })
    }
  }
  return false
}

function holderLives(file: string): boolean {
  try {
    return isAlive(Number(readFileSync(file, 'utf8')))
  } catch {
    return false
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, reachable('0.0.0.0'), () => resolve(true))
  })
  if (bound) await new Promise((resolve) => server.close(resolve))
  return bound
}
