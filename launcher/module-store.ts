import { fs } from './builtin.ts'
import { basename, dirname, join } from 'node:path'
import { writeFileAtomic } from './atomic-file.ts'
import { canonicalDigest } from './canonical-json.ts'
import type { ConsoleLog } from './console-log.ts'
import { isGone, ownHolder } from './holder.ts'
import { tryLock } from './install-lock.ts'
import { npmInstall, type NpmRun } from './npm-install.ts'
import { type Modules, versionIn } from './package-json.ts'
import { pause } from './pause.ts'
import { syncTree } from './synced-tree.ts'

const { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } = fs
const { utimesSync, writeFileSync } = fs

/** What an installation is made for: another of these gives another folder. */
export interface Wanted {
  readonly modules: Modules
  /** The exact version of Node.js: what scripts build is for one. */
  readonly nodeVersion: string
  readonly allowScripts: boolean
}

export interface ModuleStore {
  readonly folder: string
  readonly npm: Omit<NpmRun, 'folder' | 'timeoutMs' | 'allowScripts' | 'log'> & {
    readonly log: Pick<ConsoleLog, 'write' | 'say'>
  }
  /** The time in ms since 1970. */
  readonly now: () => number
}

/** The last file of an installation that is written. Instances that use it have a link to it. */
export const completeMark = '.complete'
const unfinished = '.installing-'
/** In an unfinished one: who is at it. */
const holderFile = '.holder'
const npmTimeoutMs = 10 * 60_000
const lookAgainMs = 200
const unusedForMs = 7 * 24 * 3_600_000
const debrisForMs = 24 * 3_600_000

/**
 * The folder of a whole installation of the modules, made now where there is none. Launchers that want the same wait
 * for one of them to make it, and fail with it; others are not waited for. It has its name only once it is whole.
 */
export async function installed(store: ModuleStore, wanted: Wanted, signal: AbortSignal): Promise<string> {
  const digest = canonicalDigest({ ...wanted, platform: process.platform, arch: process.arch })
  const folder = join(store.folder, digest)
  const failure = `${folder}.failed`
  const began = store.now()
  mkdirSync(store.folder, { recursive: true, mode: 0o700 })
  for (;;) {
    signal.throwIfAborted()
    if (isWhole(store, folder, wanted)) return folder
    using lock = tryLock(`${folder}.lock`, store.now)
    if (lock !== undefined) return await installedAlone(store, wanted, { folder, failure, signal })
    await pause(lookAgainMs, signal)
    const told = toldSince(failure, began)
    if (told !== undefined) throw new Error(told)
  }
}

async function installedAlone(
  store: ModuleStore,
  wanted: Wanted,
  {
    folder,
    failure,
    signal,
  }: { readonly folder: string; readonly failure: string; readonly signal: AbortSignal },
): Promise<string> {
  try {
    if (!isWhole(store, folder, wanted)) await make(store, wanted, { folder, signal })
    rmSync(failure, { force: true })
    return folder
  } catch (error) {
    if (!signal.aborted && error instanceof Error) writeFileAtomic(failure, error.message)
    throw error
  }
}

/** Whether it has its mark and, as a power cut or a full disk may have left it, every module. Notes the use too: what was used lately is not cleared away. */
function isWhole({ now }: ModuleStore, folder: string, wanted: Wanted): boolean {
  const mark = join(folder, completeMark)
  if (!existsSync(mark) || missingIn(folder, wanted) !== undefined) return false
  utimesSync(mark, now() / 1000, now() / 1000)
  return true
}

function missingIn(folder: string, { modules }: Wanted): string | undefined {
  return Object.keys(modules).find((name) => versionIn(join(folder, 'node_modules'), name) === undefined)
}

/** Why who held the lock failed, if that was after somebody had begun to wait for it. */
function toldSince(failure: string, began: number): string | undefined {
  const stat = statSync(failure, { throwIfNoEntry: false })
  return stat !== undefined && stat.mtimeMs >= began ? readFileSync(failure, 'utf8') : undefined
}

async function make(
  store: ModuleStore,
  wanted: Wanted,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<void> {
  const { modules, allowScripts } = wanted
  const work = mkdtempSync(join(store.folder, unfinished))
  try {
    writeFileSync(join(work, holderFile), ownHolder(), { mode: 0o600 })
    writeFileAtomic(join(work, 'package.json'), JSON.stringify({ private: true, dependencies: modules }))
    await npmInstall({ ...store.npm, allowScripts, folder: work, timeoutMs: npmTimeoutMs }, signal)
    const missing = missingIn(work, wanted)
    if (missing !== undefined) throw new Error(`npm ended well, but ${missing} is not there`)
    rmSync(join(work, holderFile))
    await syncTree(join(work, 'node_modules'), signal)
    writeFileAtomic(join(work, completeMark), '')
    putInPlace(work, folder, wanted)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  clear(store)
}

/** Whoever comes first has named it; what stands there and is not whole is debris. */
function putInPlace(work: string, folder: string, wanted: Wanted): void {
  try {
    renameSync(work, folder)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) || !/^(ENOTEMPTY|EEXIST)$/.test(String(error.code)))
      throw error
    if (existsSync(join(folder, completeMark)) && missingIn(folder, wanted) === undefined) return
    remove(folder)
    renameSync(work, folder)
  }
}

/** Removes installations that no instance has a link to and none has asked for in a week, and what was left unfinished. */
function clear({ folder, now }: ModuleStore): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    try {
      if (isUnused(path, now())) remove(path)
    } catch {
      // Somebody else is clearing it away, or it cannot be: what was installed is installed all the same.
    }
  }
}

/** First it loses its name: whoever is about to use it finds it whole, or not at all. */
function remove(path: string): void {
  const name = basename(path)
  const bin = join(dirname(path), name.startsWith(unfinished) ? name : unfinished + name)
  if (path !== bin) {
    rmSync(bin, { recursive: true, force: true })
    renameSync(path, bin)
  }
  rmSync(bin, { recursive: true, force: true })
}

function isUnused(path: string, now: number): boolean {
  const name = basename(path)
  const isOld = () => ageOf(statSync(path, { throwIfNoEntry: false }), now) > debrisForMs
  if (name.startsWith(unfinished)) return isGone(holderOf(path)) || isOld()
  if (/\.(lock|failed)$/.test(name)) return isOld()
  const mark = statSync(join(path, completeMark), { throwIfNoEntry: false })
  return mark !== undefined && mark.nlink === 1 && ageOf(mark, now) > unusedForMs
}

function holderOf(work: string): string {
  const file = join(work, holderFile)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

function ageOf(stat: { readonly mtimeMs: number } | undefined, now: number): number {
  return stat === undefined ? 0 : now - stat.mtimeMs
}
