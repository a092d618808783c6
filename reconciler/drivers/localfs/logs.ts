import type { LauncherLogPage, LauncherSample } from '../../../launcher/wire.ts'
import type { LogLine, LogOptions, LogPageOptions } from '../driver.ts'
import {
  askState,
  readLogPage,
  readLogs,
  readSamples,
  type LauncherAddress,
} from '../launcher/admin-client.ts'
import { pageIn, streamOf } from '../launcher/stored-log.ts'
import type { InstanceDirectories } from './directories.ts'
import { storedTexts } from './stored-log.ts'

const answerWithinMs = 2_000

interface Wanted<Options> {
  readonly fleet: string
  readonly directories: Pick<InstanceDirectories, 'path' | 'read'>
  readonly uid: string
  readonly options: Options
}

/** Where to read: from the launcher while it lives, otherwise what it left in its files; nowhere for another fleet's. */
type Reader =
  | { readonly kind: 'launcher'; readonly address: LauncherAddress }
  | { readonly kind: 'files'; readonly directory: string }
  | { readonly kind: 'none' }

async function readerOf({ fleet, directories, uid }: Wanted<unknown>, signal: AbortSignal): Promise<Reader> {
  const { record, bootstrap } = await directories.read(uid)
  if (record.kind === 'read' && record.value.fleet !== fleet) return { kind: 'none' }
  if (bootstrap.kind === 'read') {
    const answer = await askState(bootstrap.value, answerWithinMs, signal)
    if (answer.kind === 'answered' && answer.state.uid === uid)
      return { kind: 'launcher', address: bootstrap.value }
  }
  return { kind: 'files', directory: directories.path(uid) }
}

/** The console log as a stream. */
export async function* instanceLogs(
  wanted: Wanted<LogOptions>,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const reader = await readerOf(wanted, signal)
  const { options } = wanted
  if (reader.kind === 'none') return
  if (reader.kind === 'launcher') yield* readLogs(reader.address, options, signal)
  else yield* streamOf(storedTexts(reader.directory, signal), options)
}

/** The console log by pages. */
export async function instanceLogPage(
  wanted: Wanted<LogPageOptions>,
  signal: AbortSignal,
): Promise<LauncherLogPage> {
  const reader = await readerOf(wanted, signal)
  if (reader.kind === 'none') return { lines: [], next: '0'.repeat(16) }
  if (reader.kind === 'launcher') return readLogPage(reader.address, wanted.options, signal)
  return pageIn(storedTexts(reader.directory, signal), wanted.options)
}

/** Samples are kept in the memory of the launcher: without it there are none. */
export async function instanceSamples(
  wanted: Wanted<{ readonly since: string | undefined }>,
  signal: AbortSignal,
): Promise<readonly LauncherSample[]> {
  const reader = await readerOf(wanted, signal)
  return reader.kind === 'launcher' ? readSamples(reader.address, wanted.options.since, signal) : []
}
