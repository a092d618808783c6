import { InvalidArgumentError, Option, type Command } from 'commander'
import { exportTrail, verifyTrail } from './audit-trail.ts'
import type { Terminal } from './terminal.ts'
import { composeTrail } from '../compose-store.ts'
import { loadConfig, type Flags } from '../config.ts'
import { auditEvents, utc, type AuditEvent, type AuditFilter } from '../model/audit.ts'
import type { ChainHead } from '../model/audit-chain.ts'
import type { Store } from '../store/store.ts'

interface Deps {
  readonly terminal: Terminal
  readonly workingDirectory: string
  readonly signal: AbortSignal
}

interface VerifyFlags extends Flags {
  readonly noted?: ChainHead
}

interface ExportFlags extends Flags {
  readonly since?: string
  readonly until?: string
  readonly instance?: string
  readonly user?: string
  readonly event?: AuditEvent
}

/** Adds the commands that read the audit trail of the store on this machine. */
export function addAuditCommands(
  program: Command,
  deps: Deps,
  end: (command: Promise<number>) => Promise<void>,
): void {
  const audit = program.command('audit').description('prove or print the audit trail of the store')
  withStoreOptions(audit.command('verify').description('prove that the trail is as it was written'))
    .option('--noted <id:hash>', 'a head printed before: the trail must still hold it', head)
    .action(async (flags: VerifyFlags) => end(verifyCommand(flags, deps)))
  withStoreOptions(audit.command('export').description('print the trail as JSON lines, oldest first'))
    .option('--since <time>', 'only what was recorded at this time (RFC 3339) or after it', time)
    .option('--until <time>', 'only what was recorded before this time', time)
    .option('--instance <name>', 'only of this instance, also from when it had another name')
    .option('--user <name>', 'only of this person')
    .addOption(new Option('--event <event>', 'only of this kind').choices(auditEvents))
    .action(async (flags: ExportFlags) => end(exportCommand(flags, deps)))
}

function withStoreOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration file')
    .option('--data <dir>', 'the folder for everything the reconciler keeps (default: var)')
}

async function verifyCommand(flags: VerifyFlags, deps: Deps): Promise<number> {
  await using store = await composeTrail(await loadConfig(flags, deps.workingDirectory))
  return await verifyTrail(store.auditRows(), deps, flags.noted)
}

async function exportCommand(flags: ExportFlags, deps: Deps): Promise<number> {
  await using store = await composeTrail(await loadConfig(flags, deps.workingDirectory))
  return await exportTrail(store.auditRows(), deps, await filterOf(flags, store))
}

async function filterOf(
  { since, until, user, event, instance: name }: ExportFlags,
  store: Pick<Store, 'inventory'>,
): Promise<AuditFilter> {
  const uid =
    name === undefined ? undefined : (await store.inventory()).find((entry) => entry.name === name)?.uid
  return {
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(user === undefined ? {} : { user }),
    ...(event === undefined ? {} : { event }),
    ...(name === undefined ? {} : { instance: { name, ...(uid === undefined ? {} : { uid }) } }),
  }
}

function time(text: string): string {
  const found = utc(text)
  if (found !== undefined) return found
  throw new InvalidArgumentError('give a time such as 2026-01-31 or 2026-01-31T12:00:00Z')
}

function head(text: string): ChainHead {
  const [, id = '', hash = ''] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (Number(id) > 0) return { id: Number(id), hash }
  throw new InvalidArgumentError('give the id and the hash that verify printed, as id:hash')
}
