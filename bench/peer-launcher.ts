import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePortPair } from '../test/support/free-port.ts'
import { endProcess, markFlows, stackFolder } from './node-red.ts'
import type { Workbench } from './workbench.ts'

const run = promisify(execFile)
const version = '2.29.1'
const folder = join(import.meta.dirname, 'peers')
const program = join(folder, 'node_modules/@flowfuse/nr-launcher/index.js')

/** FlowFuse's launcher on the same Node.js and the same Node-RED, with a stub of its platform. */
export interface PeerLauncher {
  readonly port: number
  start(): { readonly process: ChildProcess; readonly started: number }
  /** `performance.now()` of when it last told the platform that it runs. */
  toldRunning(): number | undefined
}

export async function preparePeer(bench: Workbench, node: string): Promise<PeerLauncher> {
  await install()
  const [port, root, id] = [await freePortPair(), await bench.folder('peer'), 'bench-project']
  const user = join(root, id)
  await mkdir(join(user, 'storage'), { recursive: true })
  await writeFile(join(user, 'package.json'), '{"name":"bench","version":"0.0.1","dependencies":{}}')
  let toldRunning: number | undefined
  const platform = await openPlatform(
    (url) => settingsFor({ id, port, root, url }),
    (state) => {
      if (state === 'running') toldRunning = performance.now()
    },
  )
  bench.atEnd(platform.close)
  const stack = await stackFolder()
  const command = [program, '-p', String(port + 1000), '--forgeURL', platform.url]
  return {
    port,
    toldRunning: () => toldRunning,
    start: () => {
      toldRunning = undefined
      const started = performance.now()
      const child = spawn(node, [...command, '--project', id, '--token', 'token', '-n', stack], {
        cwd: user,
        env: { PATH: process.env['PATH'], HOME: root, FORGE_TEAM_ID: 'team', FORGE_NR_SECRET: 'secret' },
        stdio: 'ignore',
      })
      bench.atEnd(async () => endProcess(child))
      return { process: child, started }
    },
  }
}

/** From npm into a folder of its own, once. */
async function install(): Promise<void> {
  if (existsSync(program)) return
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev']
  await run('npm', ['install', `@flowfuse/nr-launcher@${version}`, ...options], { cwd: folder })
}

interface Place {
  readonly id: string
  readonly port: number
  readonly root: string
  readonly url: string
}

/** The least that boots Node-RED, and the variable that the flows answer with. */
function settingsFor({ id, port, root, url }: Place): object {
  return {
    projectID: id,
    port,
    rootDir: root,
    userDir: id,
    baseURL: `http://127.0.0.1:${port}`,
    forgeURL: url,
    storageURL: `${url}/storage`,
    auditURL: `${url}/logging`,
    env: { MARK: 'peer' },
    state: 'running',
    settings: { palette: {} },
  }
}

async function openPlatform(
  settings: (url: string) => object,
  told: (state: unknown) => void,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const kept = new Map<string, string>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    const path = (request.url ?? '').split('?')[0] ?? ''
    response.setHeader('content-type', 'application/json')
    if (path.endsWith('/settings') && path.startsWith('/api/'))
      return response.end(JSON.stringify(settings(url())))
    if (path.endsWith('/update-state')) {
      const said: { readonly state?: unknown } = JSON.parse(body)
      told(said.state)
      return response.writeHead(202).end('{}')
    }
    if (!path.startsWith('/storage/')) return response.end('{}')
    if (request.method === 'POST') kept.set(path, body)
    return response.end(kept.get(path) ?? (path.endsWith('/flows') ? JSON.stringify(markFlows) : '{}'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = (): string => {
    const address = server.address()
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  }
  return {
    url: url(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
