import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Ajv } from 'ajv'
import writeFileAtomic from 'write-file-atomic'
import type { LauncherBootstrap } from '../../../launcher/wire.ts'
import { DriverError } from '../driver.ts'
import type { Declares } from '../launcher/facts.ts'
import { isLauncherBootstrap } from '../launcher/launcher-schema.ts'
import { hasCode } from '../../model/has-code.ts'

/** `instance.json`: whose the directory is, and what an observation of it is held against. It holds no secret. */
export interface InstanceRecord {
  readonly fleet: string
  readonly uid: string
  readonly name: string
  readonly declares: Declares
  /** The launcher's program and flags: an upgrade of either replaces the launcher. */
  readonly launcher: readonly string[]
}

export type Read<T> = { readonly kind: 'read'; readonly value: T } | { readonly kind: 'missing' | 'damaged' }

/** The two files of an instance's directory. */
export interface DirectoryContent {
  readonly record: Read<InstanceRecord>
  readonly bootstrap: Read<LauncherBootstrap>
}

export interface InstanceDirectories {
  readonly root: string
  /** Makes the folder of all instances, and ends what killed predecessors have left. */
  prepare(): Promise<void>
  path(uid: string): string
  /** The uids that have a directory. */
  list(): Promise<readonly string[]>
  read(uid: string): Promise<DirectoryContent>
  /** Makes directory and files what they should be; a file that already says so is left alone. */
  write(record: InstanceRecord, bootstrap: LauncherBootstrap | undefined): Promise<void>
  /** Moves the directory to the trash, then empties that: half-way killed, `prepare` ends it. */
  discard(uid: string): Promise<void>
}

const ajv = new Ajv()
const isRecord = ajv.compile<InstanceRecord>({
  type: 'object',
  required: ['fleet', 'uid', 'name', 'declares', 'launcher'],
  properties: {
    fleet: { type: 'string' },
    uid: { type: 'string' },
    name: { type: 'string' },
    declares: {
      type: 'object',
      required: ['flows', 'modules'],
      properties: { flows: { type: 'boolean' }, modules: { type: 'array', items: { type: 'string' } } },
    },
    launcher: { type: 'array', items: { type: 'string' } },
  },
})

/** The directories of instances: `DATA/instances/<uid>`, each for its owner's eyes only. */
export function createInstanceDirectories({ data }: { readonly data: string }): InstanceDirectories {
  const root = join(data, 'instances')
  const trash = join(data, 'trash')
  const path = (uid: string) => join(root, safeUid(uid))

  return {
    root,
    path,
    async prepare() {
      await mkdir(root, { recursive: true, mode: 0o700 })
      await rm(trash, { recursive: true, force: true, maxRetries: 3 })
      await removeDrafts(root)
      // Node-RED's settings.js is CommonJS, whatever a package.json further up says of the files below it.
      await writeJson(join(root, 'package.json'), { private: true, type: 'commonjs' })
    },
    async list() {
      const entries = await unlessMissing(readdir(root, { withFileTypes: true }))
      return (entries ?? []).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    },
    read: (uid) => readContent(path(uid)),
    async write(record, bootstrap) {
      const directory = path(record.uid)
      await makeOwnDirectory(directory)
      await removeDrafts(directory)
      const now = await readContent(directory)
      if (!says(now.record, record)) await writeJson(join(directory, 'instance.json'), record)
      if (bootstrap !== undefined && !says(now.bootstrap, bootstrap))
        await writeJson(join(directory, 'launcher.json'), bootstrap)
    },
    async discard(uid) {
      await mkdir(trash, { recursive: true, mode: 0o700 })
      const bin = await mkdtemp(join(trash, `${safeUid(uid)}-`))
      await unlessMissing(rename(path(uid), join(bin, 'instance')))
      await rm(bin, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

async function readContent(directory: string): Promise<DirectoryContent> {
  const [record, bootstrap] = await Promise.all([
    readJson(join(directory, 'instance.json'), isRecord),
    readJson(join(directory, 'launcher.json'), isLauncherBootstrap),
  ])
  return { record, bootstrap }
}

async function readJson<T>(file: string, is: (value: unknown) => value is T): Promise<Read<T>> {
  const text = await unlessMissing(readFile(file, 'utf8'))
  if (text === undefined) return { kind: 'missing' }
  try {
    const value: unknown = JSON.parse(text)
    return is(value) ? { kind: 'read', value } : { kind: 'damaged' }
  } catch {
    return { kind: 'damaged' }
  }
}

function says<T>(now: Read<T>, wanted: T): boolean {
  return now.kind === 'read' && isDeepStrictEqual(now.value, wanted)
}

/** Written beside it, flushed to the disk, then renamed into place. */
async function writeJson(file: string, value: object): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`, {
    mode: 0o600,
    fsync: true,
  })
}

/** What a writer that was killed before its rename has left; it may hold tokens. */
async function removeDrafts(directory: string): Promise<void> {
  const drafts = (await readdir(directory)).filter((name) =>
    /^(?:instance|launcher|package)\.json\.\d+$/.test(name),
  )
  await Promise.all(drafts.map(async (name) => rm(join(directory, name), { force: true })))
}

async function makeOwnDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error
  })
  const found = await lstat(directory)
  if (!found.isDirectory())
    throw new DriverError('NotADirectory', `${directory} is not a directory: move it away`)
  if ((found.mode & 0o777) !== 0o700) await chmod(directory, 0o700)
}

/** A uid becomes part of a path: nothing else may. */
function safeUid(uid: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(uid))
    throw new DriverError('InvalidUid', `not a uid: ${JSON.stringify(uid)}`)
  return uid
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined
    throw error
  }
}
