import { InvalidArgumentError, Option, type Command } from 'commander'
import { exportFlows, listKept } from './export-flows.ts'
import type { Terminal } from './terminal.ts'
import { composeFlows } from '../compose-store.ts'
import { loadConfig, type Flags } from '../config.ts'

interface Deps {
  readonly terminal: Terminal
  readonly workingDirectory: string
  readonly signal: AbortSignal
}

interface ExportFlags extends Flags {
  readonly credentials?: true
  readonly secret?: string
  readonly own?: true
  readonly kept?: number
}

/** Adds the commands that read flows of the store on this machine. */
export function addFlowsCommands(
  program: Command,
  deps: Deps,
  end: (command: Promise<number>) => Promise<void>,
): void {
  const flows = program.command('flows').description('print what editors deployed, for Git')
  withStoreOptions(flows.command('export').description('print the flows that an instance runs'))
    .argument('<instance>', 'its name')
    .option('--credentials', 'print their credentials instead, encrypted with the key of the instance')
    .option('--secret <name>', 'with --credentials: encrypt them with this declared secret')
    .addOption(
      new Option('--own', "with --credentials: encrypt them with the instance's own key").conflicts('secret'),
    )
    .option('--kept <number>', 'what was set aside instead of what runs; "flows kept" lists it', number)
    .action(async (instance: string, options: ExportFlags) => end(exportCommand(instance, options, deps)))
  withStoreOptions(flows.command('kept').description('list flows that declared ones took the place of'))
    .argument('<instance>', 'its name')
    .action(async (instance: string, options: Flags) => end(keptCommand(instance, options, deps)))
}

function withStoreOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration file')
    .option('--data <dir>', 'the folder for everything the reconciler keeps (default: var)')
}

async function exportCommand(instance: string, flags: ExportFlags, deps: Deps): Promise<number> {
  const { credentials = false, secret, own, kept } = flags
  await using reading = await composeFlows(await loadConfig(flags, deps.workingDirectory))
  const request = {
    instance,
    // A key to encrypt with says what is to be printed.
    credentials: credentials || own === true || secret !== undefined,
    ...(own === true ? { key: 'own' as const } : {}),
    ...(secret === undefined ? {} : { key: { secret } }),
    ...(kept === undefined ? {} : { kept }),
  }
  return await exportFlows(reading, request, deps)
}

async function keptCommand(instance: string, flags: Flags, deps: Deps): Promise<number> {
  await using reading = await composeFlows(await loadConfig(flags, deps.workingDirectory))
  return await listKept(reading, instance, deps)
}

function number(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('give a number that "reconcile flows kept" lists')
}
