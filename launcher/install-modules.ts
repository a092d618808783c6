import { fs } from './builtin.ts'
import { join, resolve } from 'node:path'
import { misfit, notAllowed, type Removed, withRemedy } from './editor-modules.ts'
import { linkFile, linkTree } from './linked-tree.ts'
import { completeMark, installed, type ModuleStore } from './module-store.ts'
import { type Declared, othersIn, same } from './modules.ts'
import { isConflict } from './npm-install.ts'
import { type Modules, versionIn, writePackageJson } from './package-json.ts'

const { existsSync, renameSync, rmSync } = fs

export interface InstallRequest extends Declared {
  readonly user: string
  readonly nodeVersion: string
  readonly allowScripts: boolean
  readonly store: ModuleStore
}

/** The link to the installation that is in use: it keeps that from being cleared away. */
const usedMark = '.weir-installation'

/**
 * Brings node_modules to exactly what is wanted, from an installation that instances with the same modules share. What is
 * installed or removed in the editor meanwhile is heeded. Returns what of the editor's had to make way.
 * Throws an Error with npm's last words where npm fails, and has changed nothing then. Aborting kills npm.
 */
export async function installModules(
  request: InstallRequest,
  signal: AbortSignal,
): Promise<readonly Removed[]> {
  for (;;) {
    const others = keptOthers(request)
    const beside = await withRemedy(installedBeside(request, others, signal), others)
    if (same(keptOthers(request), others)) return takeOver(request, beside)
  }
}

function takeOver(request: InstallRequest, { folder, fitting, misfits }: Beside): readonly Removed[] {
  const { user, modules } = request
  const before = othersIn(user, { modules, keepsOthers: true })
  const removed = Object.entries(exact(user, before)).flatMap(([name, version]): Removed[] =>
    Object.hasOwn(fitting, name) ? [] : [{ name, version, why: misfits[name] ?? notAllowed }],
  )
  if (folder !== undefined) checkVersions(folder, modules)
  if (folder === undefined) removeModules(user)
  else linkModules(folder, user)
  const kept = Object.entries(before).filter(([name]) => Object.hasOwn(fitting, name))
  writePackageJson(user, { all: { ...Object.fromEntries(kept), ...modules }, declared: modules })
  return removed
}

/** What gives itself another version than it was asked for by would be installed again and again. */
function checkVersions(installation: string, modules: Modules): void {
  for (const [name, version] of Object.entries(modules)) {
    const lying = versionIn(join(installation, 'node_modules'), name)
    if (lying !== version)
      throw new Error(
        `${name} ${version} was installed, but its package.json says ${lying}: declare a version that says what it is`,
      )
  }
}

/** An installation; none where nothing is wanted. What of the others is in it, and why the rest is not. */
interface Beside {
  readonly folder: string | undefined
  readonly fitting: Modules
  readonly misfits: { readonly [name: string]: string }
}

/**
 * Git wins: of the others those are left out that do not fit beside what it declares. Any other failure is nobody's fault, and
 * fails as a whole.
 */
async function installedBeside(
  { modules, store, nodeVersion, allowScripts }: InstallRequest,
  others: Modules,
  signal: AbortSignal,
): Promise<Beside> {
  const beside = async (fitting: Modules, misfits: Beside['misfits']): Promise<Beside> => {
    const wanted = { modules: { ...fitting, ...modules }, nodeVersion, allowScripts }
    const none = Object.keys(wanted.modules).length === 0
    return { folder: none ? undefined : await installed(store, wanted, signal), fitting, misfits }
  }
  const all = await unlessConflict(beside(others, {}))
  if (all !== undefined) return all
  let best = await beside({}, {})
  for (const [name, version] of Object.entries(others)) {
    const more = await unlessConflict(beside({ ...best.fitting, [name]: version }, best.misfits))
    best = more ?? { ...best, misfits: { ...best.misfits, [name]: misfit(modules, best.fitting) } }
  }
  return best
}

async function unlessConflict(beside: Promise<Beside>): Promise<Beside | undefined> {
  try {
    return await beside
  } catch (error) {
    if (isConflict(error)) return undefined
    throw error
  }
}

function keptOthers(request: InstallRequest): Modules {
  return exact(request.user, othersIn(request.user, request))
}

/** As they lie there: a range of versions might be something else tomorrow, and a path is one from the userDir. */
function exact(user: string, modules: Modules): Modules {
  const pinned = Object.entries(modules).map(([name, asked]): [string, string] => {
    if (asked.startsWith('file:')) return [name, `file:${resolve(user, asked.slice('file:'.length))}`]
    const lying = /^[~^]?\d/.test(asked) ? versionIn(join(user, 'node_modules'), name) : undefined
    return [name, lying ?? asked]
  })
  return Object.fromEntries(pinned)
}

function linkModules(installation: string, user: string): void {
  const next = join(user, '.node_modules.new')
  rmSync(next, { recursive: true, force: true })
  linkTree(join(installation, 'node_modules'), next)
  // npm writes into this one as it stands, and it would be everybody's.
  rmSync(join(next, '.package-lock.json'), { force: true })
  linkFile(join(installation, completeMark), join(next, usedMark))
  // Renamed first and deleted after: a Node-RED that runs misses its modules for no longer than two renames take.
  const old = setAside(user)
  renameSync(next, join(user, 'node_modules'))
  rmSync(old, { recursive: true, force: true })
}

/** The lock file is one of npm's, made for an installation from the editor. */
function removeModules(user: string): void {
  rmSync(setAside(user), { recursive: true, force: true })
}

function setAside(user: string): string {
  const [folder, old] = [join(user, 'node_modules'), join(user, '.node_modules.old')]
  rmSync(old, { recursive: true, force: true })
  if (existsSync(folder)) renameSync(folder, old)
  rmSync(join(user, 'package-lock.json'), { force: true })
  return old
}
