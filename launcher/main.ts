import { flushCompileCache } from 'node:module'
import type { Server } from 'node:http'
import { util } from './builtin.ts'
import { createAdminApi } from './admin-api.ts'
import type { AuditReporter } from './audit-reporter.ts'
import { type InstancePaths, instancePaths, readBootstrap } from './bootstrap.ts'
import { ConsoleLog } from './console-log.ts'
import { listenFailure } from './health.ts'
import { Instance } from './instance.ts'
import { createRuntimeClient, reasonOf, type RuntimeClient } from './runtime-client.ts'
import { Samples } from './samples.ts'
import { StateReporter } from './state-reporter.ts'
import { told } from './told.ts'
import type { LauncherBootstrap } from './wire.ts'

/** Exit codes as in sysexits.h. */
const exitConfiguration = 78
/** Another launcher holds this instance. */
const exitTemporary = 75

/** All that is ended 9 s after it was asked to; what is left then, the watchdogs kill. */
const lastMomentMs = 9000
const lastReportMs = 500

interface Running {
  readonly instance: Instance
  readonly reporter: StateReporter
  readonly audit: LateAudit
  readonly admin: Server
}

async function main(): Promise<void> {
  const { values } = util.parseArgs({
    options: { directory: { type: 'string' }, bootstrap: { type: 'string' } },
  })
  if (values.directory === undefined) throw new Error('--directory is missing')
  const paths = instancePaths(values.directory)
  const { bootstrap: named } = values
  // for who reads what a container says: its console log is another
  if (named !== undefined) process.stdout.write(`launcher: takes what it is told from ${named}\n`)
  const [log, ending] = [new ConsoleLog(paths.consoleLog), new AbortController()]
  let running: Running | undefined
  onSignals({ running: () => running, ending, log })
  const tellings =
    named === undefined
      ? [readBootstrap(paths.bootstrap)]
      : told({ named, last: paths.lastBootstrap, say: log.say }, ending.signal)
  for await (const bootstrap of tellings) {
    if (running !== undefined) {
      log.say('Told anew what it is: begins again')
      await shutDown(running)
    }
    if (ending.signal.aborted) return
    running = compose(bootstrap, paths, log)
    await begin(running, bootstrap, log)
  }
}

/** Settles when its admin API answers; what comes after that is seen there. */
async function begin(
  { admin, instance }: Running,
  bootstrap: LauncherBootstrap,
  log: ConsoleLog,
): Promise<void> {
  await lock(admin, bootstrap, log)
  log.say(`Launcher of ${bootstrap.name} (${bootstrap.uid}), process ${process.pid}`)
  void instance.open().catch((error) => log.say(`Cannot begin: ${stackOf(error)}`))
}

function compose(bootstrap: LauncherBootstrap, paths: InstancePaths, log: ConsoleLog): Running {
  const runtime = createRuntimeClient(bootstrap)
  const samples = new Samples()
  const reporter = new StateReporter({ runtime, say: log.say, refused: () => instance.fetchAgain() })
  const audit = lateAudit(runtime)
  const instance = new Instance({
    bootstrap,
    paths,
    environment: process.env,
    log,
    samples,
    runtime: {
      settings: async (signal) => {
        const fetched = await runtime.settings(signal)
        if (fetched.kind === 'settings' || fetched.kind === 'members')
          for (const each of [reporter, audit.now]) each?.reachable()
        return fetched
      },
      members: (signal) => runtime.members(signal),
    },
    changed: (state) => reporter.push(state),
    happened: (event, target) => void audit.first().then((trail) => trail.push(event, target)),
    // Written at exit too, but a launcher may be killed.
    answered: () => flushCompileCache(),
    random: Math.random,
    now: Date.now,
  })
  const admin = createAdminApi({
    token: bootstrap.adminToken,
    log,
    samples,
    state: () => instance.state(),
    answers: () => instance.answers(),
    start: () => instance.start(),
    stop: () => instance.stop(),
    restart: () => instance.restart(),
    reload: () => instance.reload(),
    withdraw: () => instance.withdraw(),
    shutdown: () => void process.kill(process.pid, 'SIGTERM'),
  })
  return { instance, reporter, audit, admin }
}

/** Made with the first thing it has to tell, which in most lives never comes. */
interface LateAudit {
  readonly now: AuditReporter | undefined
  first(): Promise<AuditReporter>
}

function lateAudit(runtime: RuntimeClient): LateAudit {
  const life = `${process.pid}-${Date.now()}`
  let now: AuditReporter | undefined
  return {
    get now() {
      return now
    },
    async first() {
      const { AuditReporter } = await import('./audit-reporter.ts')
      now ??= new AuditReporter({ runtime, life, now: Date.now })
      return now
    },
  }
}

/** The admin port is the lock: whoever listens on it is the launcher of this instance. */
async function lock(admin: Server, bootstrap: LauncherBootstrap, log: ConsoleLog): Promise<void> {
  const { adminHost: host, adminPort: port } = bootstrap
  const failed = await new Promise<Error | undefined>((resolve) => {
    admin.once('error', resolve)
    admin.listen({ host, port, exclusive: true }, () => resolve(undefined))
  })
  if (failed === undefined) return
  const taken = 'code' in failed && failed.code === 'EADDRINUSE'
  const why = taken
    ? 'another process has it; is a launcher running already?'
    : listenFailure(failed, { host, port })
  const told = `The launcher of ${bootstrap.name} cannot listen on its admin port ${port}: ${why}`
  log.say(told)
  if (!taken) throw new Error(told)
  process.exit(exitTemporary)
}

interface Ending {
  /** What there is to end, if there is anything yet. */
  readonly running: () => Running | undefined
  /** Aborted once it ends. */
  readonly ending: AbortController
  readonly log: ConsoleLog
}

function onSignals({ running, ending, log }: Ending): void {
  const end = (code: number, why: string) => {
    if (ending.signal.aborted) return running()?.instance.hurry()
    ending.abort()
    log.say(`Ending: ${why}`)
    setTimeout(() => process.exit(code), lastMomentMs)
    void shutDown(running()).then(
      () => process.exit(code),
      (error) => {
        log.say(`Could not end cleanly: ${reasonOf(error)}`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => end(0, 'SIGTERM'))
  process.on('SIGINT', () => end(0, 'SIGINT'))
  process.on('SIGHUP', () => undefined)
  process.on('unhandledRejection', (error) => log.say(`Unexpected: ${stackOf(error)}`))
  process.on('uncaughtException', (error) => {
    log.say(`Unexpected: ${stackOf(error)}`)
    end(1, 'an error that nobody expected')
  })
}

async function shutDown(running: Running | undefined): Promise<void> {
  if (running === undefined) return
  const { instance, reporter, audit, admin } = running
  await instance.close()
  await Promise.all([reporter.close(lastReportMs), audit.now?.close(lastReportMs)])
  await new Promise((resolve) => {
    admin.close(resolve)
    admin.closeAllConnections()
  })
}

function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : String(error)
}

main().catch((error) => {
  process.stderr.write(`launcher: ${reasonOf(error)}\n`)
  process.exit(exitConfiguration)
})
