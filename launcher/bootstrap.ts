import { fs } from './builtin.ts'
import { join } from 'node:path'
import type { LauncherBootstrap } from './wire.ts'

const { readFileSync } = fs

/** Where things lie in an instance's directory. */
export interface InstancePaths {
  readonly bootstrap: string
  /** What it was told last by the file that `--bootstrap` names. */
  readonly lastBootstrap: string
  readonly consoleLog: string
  readonly lastSettings: string
  /** Node-RED's userDir. */
  readonly user: string
  readonly settingsFile: string
  readonly members: string
  readonly flows: string
  /** For the files of Node-RED's storage plugin. */
  readonly storage: string
  /** For installed modules, where launchers share no folder for them. */
  readonly modules: string
  /** Certificate authorities for Node.js to trust. */
  readonly certificates: string
}

export function instancePaths(directory: string): InstancePaths {
  const user = join(directory, 'user')
  return {
    bootstrap: join(directory, 'launcher.json'),
    lastBootstrap: join(directory, 'bootstrap.json'),
    consoleLog: join(directory, 'console.log'),
    lastSettings: join(directory, 'settings.json'),
    user,
    settingsFile: join(user, 'settings.js'),
    members: join(user, 'members.json'),
    flows: join(user, 'flows.json'),
    storage: join(directory, 'storage'),
    modules: join(directory, 'modules'),
    certificates: join(directory, 'certificates.pem'),
  }
}

const texts = [
  'uid',
  'name',
  'fleet',
  'runtimeUrl',
  'runtimeToken',
  'adminToken',
  'adminHost',
  'stack',
  'node',
] as const

/** Reads `launcher.json`. Throws an Error that names what is wrong, and never a value: tokens stand in it. */
export function readBootstrap(path: string): LauncherBootstrap {
  const parsed = parse(readFileSync(path, 'utf8'), path)
  assertBootstrap(parsed, path)
  return parsed
}

function parse(content: string, path: string): unknown {
  try {
    const parsed: unknown = JSON.parse(content)
    return parsed
  } catch {
    throw new Error(`${path} is not JSON`)
  }
}

function assertBootstrap(value: unknown, path: string): asserts value is LauncherBootstrap {
  if (typeof value !== 'object' || value === null) throw new Error(`${path} is not an object`)
  const fields: Partial<Record<string, unknown>> = { ...value }
  const wrong = texts.find((name) => typeof fields[name] !== 'string' || fields[name] === '')
  if (wrong !== undefined) throw new Error(`${path}: ${wrong} is not a text`)
  if (!Number.isInteger(fields['adminPort'])) throw new Error(`${path}: adminPort is not a port`)
  if (!isVersions(fields['versions'])) throw new Error(`${path}: versions is not complete`)
}

function isVersions(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return 'nodeRed' in value && 'node' in value
}
