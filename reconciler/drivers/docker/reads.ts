import type { Secret } from '../../model/secret.ts'
import type { Driver } from '../driver.ts'
import {
  readLogPage,
  readLogs,
  readSamples,
  withdraw,
  type LauncherAddress,
} from '../launcher/admin-client.ts'
import type { ContainerPolicy } from './container-spec.ts'
import { ownership, type Engine } from './engine.ts'
import { adminAddress } from './observe.ts'

export interface ReadParts {
  readonly fleet: string
  readonly policy: ContainerPolicy
  readonly engine: Pick<Engine, 'list'>
  readonly adminTokenOf: (uid: string) => Secret
}

/** What is asked of the launcher of an instance; nothing while its container does not run. */
export function containerReads({
  fleet,
  policy,
  engine,
  adminTokenOf,
}: ReadParts): Required<Pick<Driver, 'logs' | 'logPage' | 'samples' | 'withdraw'>> {
  async function addressOf(uid: string, signal: AbortSignal): Promise<LauncherAddress | undefined> {
    const running = (await engine.list(ownership(fleet, uid), signal)).find(
      ({ State }) => State === 'running',
    )
    const host = running?.NetworkSettings.Networks[policy.network]?.IPAddress ?? ''
    return host === '' ? undefined : adminAddress(host, adminTokenOf(uid))
  }
  return {
    async *logs(uid, options, signal) {
      const address = await addressOf(uid, signal)
      if (address !== undefined) yield* readLogs(address, options, signal)
    },
    async logPage(uid, options, signal) {
      const address = await addressOf(uid, signal)
      return address === undefined
        ? { lines: [], next: '0'.repeat(16) }
        : readLogPage(address, options, signal)
    },
    async samples(uid, since, signal) {
      const address = await addressOf(uid, signal)
      return address === undefined ? [] : readSamples(address, since, signal)
    },
    async withdraw(uid, signal) {
      const address = await addressOf(uid, signal)
      return address !== undefined && withdraw(address, signal)
    },
  }
}
