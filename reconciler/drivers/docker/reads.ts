import type { Secret } from '../../model/secret.ts'
import type { Driver } from '../driver.ts'
import {
  askState,
  readLogPage,
  readLogs,
  readSamples,
  withdraw,
  type LauncherAddress,
} from '../launcher/admin-client.ts'
import { pageIn, streamOf } from '../launcher/stored-log.ts'
import type { ContainerPolicy } from './container-spec.ts'
import type { Listed } from './engine-schema.ts'
import { ownership, type Engine } from './engine.ts'
import { logFile } from './image-contract.ts'
import { adminAddress } from './observe.ts'

export interface ReadParts {
  readonly fleet: string
  readonly policy: ContainerPolicy
  readonly engine: Pick<Engine, 'list' | 'read'>
  readonly adminTokenOf: (uid: string) => Secret
}

const answerWithinMs = 2_000

/** Where to read: from the launcher while it answers, otherwise what it wrote last to its log. */
type Reader =
  | { readonly kind: 'launcher'; readonly address: LauncherAddress }
  | { readonly kind: 'file'; readonly texts: readonly string[] }

const runs = ({ State }: Listed): boolean => State === 'running'

/** What is read from the launcher of an instance; of one that does not run its last log file, and no samples. */
export function containerReads({
  fleet,
  policy,
  engine,
  adminTokenOf,
}: ReadParts): Required<Pick<Driver, 'logs' | 'logPage' | 'samples' | 'withdraw'>> {
  const containersOf = async (uid: string, signal: AbortSignal) => engine.list(ownership(fleet, uid), signal)

  function addressOf(uid: string, running: Listed | undefined): LauncherAddress | undefined {
    const host = running?.NetworkSettings.Networks[policy.network]?.IPAddress ?? ''
    return host === '' ? undefined : adminAddress(host, adminTokenOf(uid))
  }

  async function readerOf(uid: string, signal: AbortSignal): Promise<Reader> {
    const all = await containersOf(uid, signal)
    const running = all.find(runs)
    const address = addressOf(uid, running)
    if (address !== undefined) {
      const answer = await askState(address, answerWithinMs, signal)
      if (answer.kind === 'answered' && answer.state.uid === uid) return { kind: 'launcher', address }
    }
    // All of its containers have the same volume.
    const any = running ?? all[0]
    const text = any === undefined ? undefined : await engine.read(any.Id, logFile, signal)
    return { kind: 'file', texts: (text ?? '').split('\n') }
  }
  return {
    async *logs(uid, options, signal) {
      const reader = await readerOf(uid, signal)
      if (reader.kind === 'launcher') yield* readLogs(reader.address, options, signal)
      else yield* streamOf(reader.texts, options)
    },
    async logPage(uid, options, signal) {
      const reader = await readerOf(uid, signal)
      return reader.kind === 'launcher'
        ? readLogPage(reader.address, options, signal)
        : pageIn(reader.texts, options)
    },
    async samples(uid, since, signal) {
      const reader = await readerOf(uid, signal)
      return reader.kind === 'launcher' ? readSamples(reader.address, since, signal) : []
    },
    async withdraw(uid, signal) {
      const address = addressOf(uid, (await containersOf(uid, signal)).find(runs))
      return address !== undefined && withdraw(address, signal)
    },
  }
}
