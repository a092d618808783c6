import { fs } from './builtin.ts'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from './atomic-file.ts'
import { npmEnvironment } from './child-environment.ts'
import { spawnGuarded } from './child-process.ts'
import type { ConsoleLog } from './console-log.ts'
import { LineSplitter } from './log-buffer.ts'

const { existsSync, readFileSync, rmSync } = fs

/** npm package to version. */
export interface Modules {
  readonly [name: string]: string
}

export interface InstallRequest {
  readonly user: string
  readonly modules: Modules
  readonly allowScripts: boolean
  /** The Node.js that npm runs on. */
  readonly node: string
  readonly host: NodeJS.ProcessEnv
  readonly log: ConsoleLog
}

const longestLine = 2000
const linesTold = 5

/** The modules that the userDir's package.json names, with the versions that really lie in node_modules. */
export function installedModules(user: string): Modules {
  const found: Record<string, string> = {}
  for (const name of Object.keys(dependenciesOf(user))) {
    const version = readObject(join(user, 'node_modules', name, 'package.json'))?.['version']
    if (typeof version === 'string') found[name] = version
  }
  return found
}

/** Whether npm has to be asked: what is named or what lies there is not what is declared. */
export function modulesDiffer(user: string, declared: Modules): boolean {
  const named = dependenciesOf(user)
  const installed = installedModules(user)
  return !same(named, declared) || !same(installed, declared)
}

/**
 * Brings node_modules to exactly what is declared. Throws an Error with npm's last words where npm fails, and has put
 * the package.json of before back then. Aborting kills npm.
 */
export async function installModules(request: InstallRequest, signal: AbortSignal): Promise<void> {
  const file = join(request.user, 'package.json')
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  writeFileAtomic(file, packageJson(readObject(file) ?? {}, request.modules))
  try {
    await npmInstall(request, signal)
  } catch (error) {
    if (before === undefined) rmSync(file, { force: true })
    else writeFileAtomic(file, before)
    throw error
  }
}

/**
 * Writes a package.json where there is none. Without one, Node.js would take the next one above the userDir for
 * settings.js, and that may say that it is an ES module.
 */
export function ensurePackageJson(user: string): void {
  const file = join(user, 'package.json')
  if (!existsSync(file)) writeFileAtomic(file, packageJson({}, {}))
}

async function npmInstall(request: InstallRequest, signal: AbortSignal): Promise<void> {
  const scripts = request.allowScripts ? [] : ['--ignore-scripts']
  const lines: string[] = []
  const splitter = new LineSplitter(longestLine)
  const keep = (texts: readonly string[]) => {
    request.log.write('launcher', texts)
    lines.push(...texts)
    lines.splice(0, lines.length - linesTold)
  }
  signal.throwIfAborted()
  const options = [
    '--omit=dev',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=error',
    ...scripts,
  ]
  const npm = spawnGuarded(
    {
      file: 'npm',
      arguments: ['install', ...options],
      folder: request.user,
      environment: npmEnvironment(request.host, dirname(request.node)),
    },
    (_, bytes) => keep(splitter.push(bytes)),
  )
  const kill = () => npm.signal('SIGKILL')
  signal.addEventListener('abort', kill)
  const { code } = await npm.ended
  signal.removeEventListener('abort', kill)
  keep(splitter.end())
  signal.throwIfAborted()
  if (code !== 0) throw new Error(`npm could not install the modules: ${lines.join('\n')}`)
}

function packageJson(present: Record<string, unknown>, modules: Modules): string {
  const content = {
    name: 'node-red-project',
    description: 'A Node-RED Project',
    version: '0.0.1',
    private: true,
    ...present,
    dependencies: modules,
  }
  return `${JSON.stringify(content, null, 4)}\n`
}

function dependenciesOf(user: string): Modules {
  const dependencies = readObject(join(user, 'package.json'))?.['dependencies']
  if (typeof dependencies !== 'object' || dependencies === null) return {}
  return Object.fromEntries(Object.entries(dependencies).map(([name, version]) => [name, String(version)]))
}

function readObject(path: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined
  } catch {
    return undefined
  }
}

function same(a: Modules, b: Modules): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
