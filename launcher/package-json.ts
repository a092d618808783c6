import { fs } from './builtin.ts'
import { join } from 'node:path'
import { writeFileAtomic } from './atomic-file.ts'

const { existsSync, readFileSync } = fs

/** npm package to version, or to what else npm takes in its place. */
export interface Modules {
  readonly [name: string]: string
}

/** What a userDir's package.json says: all that it names, and what of that the launcher put there. */
export interface Named {
  readonly all: Modules
  /** As declared when the launcher last wrote it; everything, where it does not say. */
  readonly declared: Modules
}

/** Where the launcher keeps in package.json what it declared. npm and Node-RED leave it alone. */
const own = 'weir'

export function namedModules(user: string): Named {
  const content = readObject(join(user, 'package.json'))
  const all = texts(content?.['dependencies'])
  const kept = content?.[own]
  const declared = isObject(kept) ? texts(kept['modules']) : all
  return { all, declared }
}

export function writePackageJson(user: string, { all, declared }: Named): void {
  const file = join(user, 'package.json')
  writeFileAtomic(file, render(readObject(file) ?? {}, { all, declared }))
}

/**
 * Writes a package.json where there is none. Without one, Node.js would take the next one above the userDir for
 * settings.js, and that may say that it is an ES module.
 */
export function ensurePackageJson(user: string): void {
  if (!existsSync(join(user, 'package.json'))) writePackageJson(user, { all: {}, declared: {} })
}

/** The version of a package in a node_modules; undefined where it is not there. */
export function versionIn(nodeModules: string, name: string): string | undefined {
  const version = readObject(join(nodeModules, name, 'package.json'))?.['version']
  return typeof version === 'string' ? version : undefined
}

function render(present: Record<string, unknown>, { all, declared }: Named): string {
  const content = {
    name: 'node-red-project',
    description: 'A Node-RED Project',
    version: '0.0.1',
    private: true,
    ...present,
    dependencies: all,
    [own]: { modules: declared },
  }
  return `${JSON.stringify(content, null, 4)}\n`
}

function texts(value: unknown): Modules {
  if (!isObject(value)) return {}
  return Object.fromEntries(Object.entries(value).map(([name, version]) => [name, String(version)]))
}

function readObject(path: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
