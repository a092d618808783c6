import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'
import { composeMove } from '../compose-store.ts'
import { ConfigError } from '../config.ts'
import { describeTarget, parseStoreUrl, StoreUrlError, type StoreTarget } from '../model/store-url.ts'

interface Deps {
  readonly terminal: Terminal
  readonly workingDirectory: string
  readonly signal: AbortSignal
}

interface MigrateFlags {
  readonly from: string
  readonly to: string
}

/** Adds the commands that deal with the store as a whole. */
export function addStoreCommands(
  program: Command,
  deps: Deps,
  end: (command: Promise<number>) => Promise<void>,
): void {
  const store = program.command('store').description('move the store')
  store
    .command('migrate')
    .description('move a fleet from one store to another that is empty, and prove that it is the same')
    .requiredOption('--from <url>', 'sqlite:FILE or postgres://USER@HOST/DATABASE?passwordFile=FILE')
    .requiredOption('--to <url>', 'the same; what it names must be empty')
    .action(async (flags: MigrateFlags) => end(migrate(flags, deps)))
}

async function migrate(flags: MigrateFlags, { terminal, signal, workingDirectory }: Deps): Promise<number> {
  const located = (path: string) => resolve(workingDirectory, path)
  const [from, to] = [targetOf('from', flags, located), targetOf('to', flags, located)]
  const { tables, head } = await composeMove({ from, to }, signal)
  for (const { table, rows, sha256 } of tables)
    terminal.out(`${table.padEnd(20)} ${String(rows).padStart(8)} rows, the same on both sides: ${sha256}\n`)
  terminal.out(`the audit trail is intact: ${head.id}:${head.hash}\n`)
  terminal.out(`moved to ${describeTarget(to)}; name it in the configuration (store) before the next start\n`)
  return 0
}

/** The URL may hold a password, and is not quoted. */
function targetOf(
  name: keyof MigrateFlags,
  flags: MigrateFlags,
  located: (path: string) => string,
): StoreTarget {
  try {
    return parseStoreUrl(flags[name], located)
  } catch (error) {
    throw error instanceof StoreUrlError ? new ConfigError([`--${name}: ${error.message}`]) : error
  }
}
