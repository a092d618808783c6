import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../reconciler/model/digest.ts'
import type { FleetView } from '../reconciler/status/views.ts'
import { freePortPair } from '../test/support/free-port.ts'
import { seedStack, stack } from '../test/support/stack.ts'
import { openFleet, type GitFleet } from './git-fleet.ts'
import { endProcess, get, markFlows } from './node-red.ts'
import type { Workbench } from './workbench.ts'

const program = join(import.meta.dirname, '../bin/reconcile.js')
const token = 'bench-token'

/** A small fleet in a Git repository of its own, and a `reconcile serve` of it as people start one. */
export interface ServedFleet {
  readonly fleet: GitFleet
  /** Starts it; every instance of localfs is stopped when it is ended. */
  serve(): ChildProcess
  /** What the status door says of all of it; undefined where it does not answer. */
  view(): Promise<FleetView | undefined>
  /** What the status door says of an instance; undefined where it does not answer. */
  status(name: string): Promise<{ readonly phase: string; readonly ready: boolean } | undefined>
}

const platform = `apiVersion: weir/v1
kind: Stack
metadata: { name: node-red }
spec: { nodeRed: ${stack.nodeRed}, node: ${stack.node} }
---
apiVersion: weir/v1
kind: User
metadata: { name: bench }
spec: { displayName: Bench, email: bench@example.com, admin: true, tokens: [{ name: bench, sha256: ${sha256(token)} }] }
---
apiVersion: weir/v1
kind: Team
metadata: { name: line }
spec: { displayName: Line, members: [{ user: bench, role: owner }] }
`

/** The manifest of an instance that answers with \`mark\`. */
export function manifest(name: string, port: number, mark: string): string {
  return manifestWith(name, mark, `port: ${port}`)
}

/** The same with more of its spec, as YAML. */
export function manifestWith(name: string, mark: string, more: string): string {
  return `apiVersion: weir/v1
kind: Instance
metadata: { name: ${name} }
spec:
  team: line
  stack: node-red
  ${more}
  env: [{ name: MARK, value: ${mark} }]
  flows: { path: flows.json }
`
}

/** What a fleet in containers has in its configuration beside what every fleet has. */
export interface InContainers {
  readonly docker: Readonly<Record<string, string>>
  /** Where containers find this machine. */
  readonly gateway: string
  readonly schedule?: string
}

export async function prepareFleet(bench: Workbench, containers?: InContainers): Promise<ServedFleet> {
  const root = await bench.folder('served')
  const [directory, data] = [join(root, 'fleet'), join(root, 'data')]
  await mkdir(data, { mode: 0o700 })
  const [fleet, door] = [await openFleet(directory), await freePortPair()]
  if (containers === undefined) await seedStack(data)
  await fleet.write({ 'platform.yaml': platform, 'flows.json': JSON.stringify(markFlows) })
  const common = { data, log: { level: 'warn' }, source: { url: directory } }
  const config =
    containers === undefined
      ? { ...common, listen: `127.0.0.1:${door}` }
      : { ...common, ...configuration(containers, door) }
  await writeFile(join(root, 'weir.yaml'), JSON.stringify(config))
  const output = await open(join(root, 'output'), 'a')
  bench.atEnd(async () => output.close())
  const api = async (path: string) => {
    const answer = await get(door, `/api/v1/${path}`, { authorization: `Bearer ${token}` })
    return answer?.status === 200 ? JSON.parse(answer.text) : undefined
  }
  return {
    fleet,
    serve: () => {
      const stop = containers === undefined ? ['--stop-instances'] : []
      const command = [program, 'serve', '--config', join(root, 'weir.yaml'), ...stop]
      const child = spawn(process.execPath, command, { stdio: ['ignore', output.fd, output.fd] })
      bench.atEnd(async () => endProcess(child))
      return child
    },
    view: async () => api('fleet'),
    status: async (name) => api(`instances/${name}`),
  }
}

function configuration({ docker, gateway, schedule }: InContainers, door: number) {
  const every = schedule === undefined ? {} : { schedule }
  return {
    ...every,
    listen: `0.0.0.0:${door}`,
    driver: 'docker',
    docker: { ...docker, runtimeUrl: `http://${gateway}:${door}` },
  }
}

/** Waits until the status door calls an instance running. Returns `performance.now()` of then. */
export async function untilRunning(served: ServedFleet, name: string): Promise<number> {
  const end = performance.now() + 120_000
  while (performance.now() < end) {
    if ((await served.status(name))?.phase === 'running') return performance.now()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`${name} does not run`)
}
