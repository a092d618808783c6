import { Command, Option } from 'commander'
import { Registry } from 'prom-client'
import { addAuditCommands } from './audit-commands.ts'
import { addFlowsCommands } from './flows-commands.ts'
import { outputOption, withApplyOptions, withSourceOptions } from './command-options.ts'
import { readAndHash } from './hash-password.ts'
import { preview, previewAgainst } from './preview.ts'
import type { PlanOutput } from './print-plan.ts'
import { printLogs, printStatus } from './print-status.ts'
import { sinceOption } from './since-option.ts'
import { addStoreCommands } from './store-commands.ts'
import type { Terminal } from './terminal.ts'
import { printValidation, type ValidateOutput } from './validate.ts'
import { composeLoader, composeSource } from '../compose.ts'
import { configuredDrivers, type Surroundings } from '../compose-drivers.ts'
import { loadConfig, type Config, type Flags } from '../config.ts'
import { bcryptForm } from '../identity/passwords.ts'
import { Secret } from '../model/secret.ts'
import type { DeletionPolicy } from '../plan/gates.ts'
import { systemClock } from '../telemetry/clock.ts'
import { createLogger } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'

/** What the process gives the program. */
export interface ProgramDeps {
  readonly terminal: Terminal
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly signal: AbortSignal
  readonly launcher: string
  readonly version: string
  /** The account that runs the program: who is behind what the command line allows. */
  readonly account: string
  readonly onReady: (url: string) => void
}

interface ApplyFlags extends Flags {
  readonly allowDeletions?: string | true
}

interface ReconcileFlags extends ApplyFlags {
  readonly dryRun?: true
  readonly against?: string
  readonly output: PlanOutput
}

interface ServeFlags extends ApplyFlags {
  readonly progress?: true
  readonly stopInstances?: true
}

interface ClientFlags {
  readonly url: string
}

interface LogFlags extends ClientFlags {
  readonly tail: string
  readonly since?: string
  readonly follow?: true
}

/** Runs the command line and returns the exit code. Mistakes and outages are thrown. */
export async function runProgram(argv: readonly string[], deps: ProgramDeps): Promise<number> {
  let code = 0
  const end = async (command: Promise<number>): Promise<void> => {
    code = await command
  }
  const program = new Command('reconcile')
    .description('Runs fleets of Node-RED from Git: validates, plans, applies, and corrects drift.')
    .version(deps.version)
    .exitOverride()
    .configureOutput({ writeOut: deps.terminal.out, writeErr: deps.terminal.err })
    .enablePositionalOptions()
  withApplyOptions(program)
    .option('--dry-run', 'print what would be done, and do nothing')
    .addOption(
      new Option(
        '--against <url>',
        'with --dry-run: compare with what the reconciler at this address sees; token in WEIR_TOKEN',
      ),
    )
    .addOption(outputOption(['text', 'json', 'markdown']))
    .action(async (flags: ReconcileFlags) => end(reconcileCommand(flags, deps)))
  withApplyOptions(program.command('serve').description('keep converging until stopped; opens the doors'))
    .option(
      '--stop-instances',
      'stop every instance at the end (they go on otherwise, and are adopted at the next start)',
    )
    .option('--progress', 'print lines for a person instead of a JSON log (the default on a terminal)')
    .action(async (flags: ServeFlags) => end(serveCommand(flags, deps)))
  withSourceOptions(
    program.command('validate').description('print everything that is wrong with the manifests'),
  )
    .addOption(outputOption(['text', 'json', 'github']))
    .action(async (flags: Flags & { output: ValidateOutput }) => end(validateCommand(flags, deps)))
  addClientCommands(program, deps, end)
  addAuditCommands(program, deps, end)
  addFlowsCommands(program, deps, end)
  addStoreCommands(program, deps, end)
  program
    .command('hash-password')
    .description('read a password and print its hash for spec.passwordHash of a User')
    .option('--bcrypt', 'hash by bcrypt instead of argon2id')
    .action(async (flags: { readonly bcrypt?: true }) => end(hashCommand(flags, deps)))
  await program.parseAsync([...argv], { from: 'user' })
  return code
}

function addClientCommands(
  program: Command,
  deps: ProgramDeps,
  end: (command: Promise<number>) => Promise<void>,
): void {
  const url = () =>
    new Option('--url <url>', 'the address of the reconciler; token or user:password in WEIR_TOKEN').default(
      'http://127.0.0.1:3000',
    )
  program
    .command('status')
    .description('print how the fleet is')
    .addOption(url())
    .addOption(outputOption(['text', 'json']))
    .action(async (flags: ClientFlags & { output: 'text' | 'json' }) =>
      end(printStatus({ url: flags.url, token: tokenOf(deps) }, flags.output, deps)),
    )
  program
    .command('logs')
    .description('print the console log of an instance')
    .argument('<instance>', 'its name')
    .option('-f, --follow', 'go on until stopped')
    .option('-n, --tail <lines>', 'how many of the last lines', '100')
    .addOption(sinceOption(() => systemClock.now()).conflicts('tail'))
    .addOption(url())
    .action(async (instance: string, flags: LogFlags) =>
      end(
        printLogs(
          { url: flags.url, token: tokenOf(deps) },
          { instance, tail: flags.tail, since: flags.since, follow: flags.follow === true },
          deps,
        ),
      ),
    )
}

/** The doors and all that hangs on them are loaded only by the commands that open them. */
async function reconcileCommand(flags: ReconcileFlags, deps: ProgramDeps): Promise<number> {
  const { config, policy, surroundings, registry } = await prepare(flags, deps)
  const { terminal } = deps
  const request = { config, policy, surroundings, registry, terminal, output: flags.output }
  if (flags.dryRun !== true) {
    const { applyOnce } = await import('./apply-once.ts')
    return applyOnce(request)
  }
  if (flags.against === undefined) return preview(request)
  return previewAgainst(request, { url: flags.against, token: tokenOf(deps) })
}

async function serveCommand(flags: ServeFlags, deps: ProgramDeps): Promise<number> {
  const { serve } = await import('./serve.ts')
  const progress = flags.progress === true || deps.terminal.interactive
  const prepared = await prepare(flags, deps, !progress)
  const { terminal, onReady } = deps
  return serve({ ...prepared, terminal, progress, onReady, stopInstances: flags.stopInstances === true })
}

async function validateCommand(
  flags: Flags & { output: ValidateOutput },
  deps: ProgramDeps,
): Promise<number> {
  const { config, surroundings } = await prepare(flags, deps)
  await using source = await composeSource(config, surroundings)
  const snapshot = await source.snapshot(deps.signal)
  // Without a configuration the manifests are judged alone: who runs them may have any driver.
  const drivers = flags.config === undefined ? undefined : configuredDrivers(config)
  const desired = await composeLoader(config, drivers).load(snapshot, deps.signal)
  const sourcePath = config.source.path ?? ''
  return printValidation(desired, { output: flags.output, sourcePath }, deps.terminal)
}

async function hashCommand(
  { bcrypt }: { readonly bcrypt?: true },
  { input, terminal }: ProgramDeps,
): Promise<number> {
  terminal.out(`${await readAndHash(input, terminal.err, bcrypt === true ? bcryptForm : undefined)}\n`)
  return 0
}

interface Prepared {
  readonly config: Config
  readonly policy: DeletionPolicy
  readonly surroundings: Surroundings
  readonly registry: Registry
}

async function prepare(flags: ApplyFlags, deps: ProgramDeps, service = false): Promise<Prepared> {
  const config = await loadConfig(flags, deps.workingDirectory)
  const registry = new Registry()
  const { allowDeletions } = flags
  const allowed = allowDeletions === true ? 'all' : allowDeletions
  const { environment, signal, launcher, account } = deps
  return {
    config,
    registry,
    policy: {
      maxShare: config.maxDeletions,
      ...(allowed === undefined ? {} : { allowed, allowedBy: account }),
    },
    surroundings: {
      environment,
      signal,
      launcher,
      metrics: createMetrics(registry),
      log: createLogger({ level: logLevel(config, service) }),
    },
  }
}

/** Where progress is printed for a person, the log says only what went wrong. */
function logLevel({ logLevel: level }: Config, service: boolean): Config['logLevel'] {
  return level === 'info' && !service ? 'error' : level
}

function tokenOf({ environment }: ProgramDeps): Secret {
  return new Secret(environment['WEIR_TOKEN'] ?? '')
}
