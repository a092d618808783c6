import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessTable, type LauncherProcess } from '../../reconciler/drivers/localfs/processes.ts'
import { freePortPair } from './free-port.ts'
import { createRepository, isolatedGitEnvironment, type TestRepository } from './git-repository.ts'
import { program, runReconcile, type Result } from './program.ts'
import { seedStack, stack } from './stack.ts'
import { until } from './until.ts'

/** The hash of `pass-word-1`, with the least work factor, since tests sign in often. */
export const passwordHash = '$2b$04$pnlebBN0w9r1KbEfs7wcceoyGX9hGd9vr/e377TMMgTU/pBL5paoC'
export const password = 'pass-word-1'

interface Test {
  teardown(end: () => unknown): void
}

/** A fleet of its own: a repository, a data folder with an installed stack, ports, and the real program on top. */
export interface FleetUnderTest {
  readonly repository: TestRepository
  readonly data: string
  readonly config: string
  readonly secrets: string
  readonly url: string
  readonly firstPort: number
  /** Runs `reconcile` to its end. */
  run(...args: string[]): Promise<Result>
  /** Starts `reconcile serve` and waits until its doors are open. */
  serve(...args: string[]): Promise<ChildProcess>
  /** What `reconcile serve` has logged, whole. */
  log(): Promise<string>
  /** What the status API answers to alice, an admin; undefined while it does not. */
  api(path: string): Promise<unknown>
  instance(name: string): Promise<Record<string, unknown> | undefined>
  /** Waits until an instance is ready, and gives what the API says of it. */
  ready(name: string, holds?: (view: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  launchers(): Promise<readonly LauncherProcess[]>
  /** Processes of Node-RED that run on a user folder of this fleet. */
  nodeReds(): readonly number[]
}

/** What every fleet begins with. alice owns the team `line` and is an admin; bob views it. */
export const platform = `apiVersion: weir/v1
kind: Stack
metadata: { name: node-red-5 }
spec: { nodeRed: ${stack.nodeRed}, node: ${stack.node} }
---
apiVersion: weir/v1
kind: User
metadata: { name: alice }
spec: { admin: true, passwordHash: "${passwordHash}" }
---
apiVersion: weir/v1
kind: User
metadata: { name: bob }
spec: { passwordHash: "${passwordHash}" }
---
apiVersion: weir/v1
kind: Team
metadata: { name: line }
spec: { members: [ { user: alice, role: owner }, { user: bob, role: viewer } ] }
`

/** A manifest of one instance; `spec` is YAML in flow style without its braces. */
export function instanceManifest(name: string, spec = '', metadata = ''): string {
  return `apiVersion: weir/v1
kind: Instance
metadata: { name: ${name}${metadata === '' ? '' : `, ${metadata}`} }
spec: { team: line, stack: node-red-5${spec === '' ? '' : `, ${spec}`} }
`
}

/** `listen`: the address of the doors; the configuration may name their port, `PORT`. */
export async function setUpFleet(t: Test, configuration = '', listen = '127.0.0.1'): Promise<FleetUnderTest> {
  // not t.testdir(): that is removed before what runs in it has ended
  const root = await realpath(await mkdtemp(join(tmpdir(), 'weir-fleet-')))
  const repository = await createRepository(join(root, 'repository'))
  await repository.write('platform.yaml', platform)
  const [data, secrets, config] = [join(root, 'data'), join(root, 'secrets'), join(root, 'weir.yaml')]
  await mkdir(secrets, { recursive: true })
  await seedStack(data)
  const [firstPort, door] = [await freePortPair(), await freePortPair()]
  const url = `http://127.0.0.1:${door}`
  await writeFile(
    config,
    `source: { url: repository, interval: 1h }
data: data
secrets: secrets
listen: ${listen}:${door}
localfs: { firstPort: ${firstPort} }
${configuration.replaceAll('PORT', String(door))}`,
  )
  const table = createProcessTable({ platform: process.platform })
  const launchers = async () => table.launchers(join(data, 'instances'))
  const servers: ChildProcess[] = []
  t.teardown(async () => {
    for (const server of servers) await end(server, 'SIGTERM')
    for (const left of await launchers()) await table.signal(left, 'SIGKILL')
    await until('all launchers are gone', async () => (await launchers()).length === 0)
    await until('all of Node-RED is gone', () => nodeRedsOf(data).length === 0)
    await rm(root, { recursive: true, force: true, maxRetries: 5 })
  })
  // npm, which installs stacks and modules, keeps its cache there
  const home = { HOME: process.env['HOME'] ?? '' }
  const api = async (path: string): Promise<unknown> => {
    const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`
    const response = await fetch(`${url}/api/v1/${path}`, { headers: { authorization } }).catch(
      () => undefined,
    )
    return response?.ok === true ? response.json() : undefined
  }
  const instance = async (name: string) => asRecord(await api(`instances/${name}`))
  return {
    repository,
    data,
    config,
    secrets,
    url,
    firstPort,
    run: async (...args) => runReconcile([...args, '--config', config], { env: home }),
    serve: async (...args) => {
      const child = spawn(process.execPath, [program, 'serve', '--config', config, ...args], {
        env: { ...isolatedGitEnvironment, ...home },
        stdio: ['ignore', 'ignore', openSync(join(root, 'serve.log'), 'a')],
      })
      servers.push(child)
      await until('the doors are open', async () => {
        if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`)
        return fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        )
      })
      return child
    },
    log: async () => readFile(join(root, 'serve.log'), 'utf8'),
    api,
    instance,
    ready: async (name, holds = () => true) =>
      until(`${name} is ready`, async () => {
        const view = await instance(name)
        return view?.['ready'] === true && view['drifted'] === false && holds(view) ? view : undefined
      }),
    launchers,
    nodeReds: () => nodeRedsOf(data),
  }
}

/** Ends a child and waits until it has. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

export function asRecord(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined
}

/**
 * Every Node-RED that runs on a user folder of this data folder, wherever that was moved meanwhile. They are known by the
 * folder they run in: the command line says no more than `node-red` once one has begun. Linux only.
 */
export function nodeRedsOf(data: string): readonly number[] {
  const user = /^\/(?:instances\/[^/]+|trash\/[^/]+\/instance)\/user(?: \(deleted\))?$/
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const folder = workingFolder(pid)
      if (!folder.startsWith(`${data}/`) || !user.test(folder.slice(data.length))) return false
      const argv = commandLine(pid)
      return argv[0] === 'node-red' || (argv[0] !== 'sh' && argv[0] !== '/bin/sh' && argv.includes('-u'))
    })
    .map(Number)
    .toSorted((a, b) => a - b)
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
