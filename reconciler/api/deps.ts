import type { FastifyBaseLogger } from 'fastify'
import type { LauncherLogLine, LauncherLogPage, LauncherSample } from '../../launcher/wire.ts'
import type { Authenticate } from '../identity/authenticate.ts'
import type { Identity } from '../identity/identity.ts'
import type { FleetStatusFeed } from '../status/fleet-status.ts'
import type { UrlOf } from '../status/instance-views.ts'
import type { InstanceStorage, Store } from '../store/store.ts'
import type { AuditAllowance } from './audit-allowance.ts'
import type { StorageAllowance } from './storage-allowance.ts'
import type { RuntimeDesk } from './runtime-desk.ts'

/** What the doors are built from. */
export interface DoorDeps {
  readonly feed: FleetStatusFeed
  readonly desk: RuntimeDesk
  readonly store: Pick<
    Store,
    'journal' | 'reconciliations' | 'findByToken' | 'audit' | 'appendAudit' | keyof InstanceStorage
  >
  /** The console log of an instance; undefined where its driver keeps none. */
  readonly logs: (
    uid: string,
    options: { readonly tail: number; readonly follow: boolean; readonly since?: string },
    signal: AbortSignal,
  ) => AsyncIterable<LauncherLogLine> | undefined
  readonly logPage: (
    uid: string,
    options: { readonly cursor?: string; readonly limit: number },
    signal: AbortSignal,
  ) => Promise<LauncherLogPage> | undefined
  /** How an instance was during the last hour, or since then; undefined where its driver does not know. */
  readonly samples: (
    uid: string,
    since: string | undefined,
    signal: AbortSignal,
  ) => Promise<readonly LauncherSample[]> | undefined
  readonly authenticate: Authenticate
  /** Absent: there is no identity door. */
  readonly identity?: Identity
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> }
  readonly log: FastifyBaseLogger
  readonly clock: { now(): Date }
  readonly urlOf: UrlOf
  /** Proxies whose word is taken for where a request comes from: addresses or networks (CIDR). */
  readonly trustProxy?: readonly string[]
  /** How often a stream sends a sign of life and checks that its reader may still read, in milliseconds. Default: 3 s. */
  readonly heartbeat?: number
  /** How many events of its editor an instance may tell. Default: 2000 an hour. */
  readonly auditAllowance?: AuditAllowance
  /** What an instance may ask of its storage. Default: 1200 requests a minute, four writes at once. */
  readonly storageAllowance?: StorageAllowance
}
