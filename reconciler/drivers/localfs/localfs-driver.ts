import { join } from 'node:path'
import type { Fields } from '../../model/fields.ts'
import type { Logger } from 'pino'
import type { Clock } from '../../telemetry/clock.ts'
import type { Driver } from '../driver.ts'
import { withdraw } from '../launcher/admin-client.ts'
import { createCompileStack } from './compile-stack.ts'
import { createInstanceDirectories, type InstanceDirectories } from './directories.ts'
import { localfsEffects } from './effects.ts'
import { inheritedEnvironment, launcherEnvironment, type Environment } from './environment.ts'
import { expectedFields } from './fields.ts'
import { createInstanceLifecycle } from './instance-lifecycle.ts'
import { createLaunchers, type LauncherProgram } from './launchers.ts'
import { createLauncherWatch } from './launcher-watch.ts'
import { instanceLogPage, instanceLogs, instanceSamples } from './logs.ts'
import { observeInstances } from './observe.ts'
import { createProcessTable } from './processes.ts'
import { createStacks, type MachineNode } from './stacks.ts'

export interface LocalfsOptions {
  /** The folder of everything the reconciler keeps; absolute. */
  readonly data: string
  readonly fleet: string
  /** The address that editors and admin APIs listen on. */
  readonly host: string
  /** Whether modules may run their install scripts. */
  readonly allowInstallScripts: boolean
  /** What else the configuration gives every instance, by the path it has there. */
  readonly configured?: Fields
  /** The launcher's main file, and flags for the Node.js that runs it. */
  readonly launcher: { readonly program: string; readonly nodeFlags: readonly string[] }
  /** npm's program, such as `npm`. */
  readonly npm: string
  readonly machine: MachineNode
  /** What the reconciler runs in; instances and npm inherit little of it. */
  readonly environment: Environment
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/** Brings instances about on this machine: a directory and a detached launcher process for each. */
export function createLocalfsDriver(options: LocalfsOptions): Driver {
  const { data, fleet, host, clock, log, machine, launcher } = options
  const environment = inheritedEnvironment(options.environment)
  const directories = createInstanceDirectories({ data })
  const table = createProcessTable({ platform: process.platform })
  const watch = createLauncherWatch({ clock })
  const stacks = createStacks({
    data,
    npm: { program: options.npm, environment },
    machine,
    compile: createCompileStack({ launcher: launcher.program, environment, log }),
    clock,
  })
  const launchers = createLaunchers({ launcher: programOf(options), table, watch, clock })
  const lifecycle = createInstanceLifecycle({
    fleet,
    modules: join(data, 'modules'),
    host,
    launcherArguments: [machine.program, ...launcher.nodeFlags, launcher.program],
    directories,
    stacks,
    launchers,
    table,
    clock,
    log,
  })
  const configured = {
    'localfs.host': host,
    'localfs.allowInstallScripts': options.allowInstallScripts,
    ...options.configured,
  }
  const mute = new Set<number>()
  const closing = new AbortController()
  const whileOpen = (signal: AbortSignal) => AbortSignal.any([signal, closing.signal])

  return {
    name: 'localfs',
    effects: localfsEffects,
    configured,
    expected: expectedFields,
    observe: (signal) =>
      observeInstances({ fleet, directories, table, watch, clock, mute }, whileOpen(signal)),
    create: (instance, credentials, signal) => lifecycle.ensure(instance, credentials, whileOpen(signal)),
    update: (_before, instance, credentials, signal) =>
      lifecycle.ensure(instance, credentials, whileOpen(signal)),
    withdraw: (uid, signal) => withdrawIn({ fleet, directories }, uid, whileOpen(signal)),
    remove: (uid, signal) => lifecycle.remove(uid, whileOpen(signal)),
    logs: (uid, logOptions, signal) =>
      instanceLogs({ fleet, directories, uid, options: logOptions }, whileOpen(signal)),
    logPage: (uid, pageOptions, signal) =>
      instanceLogPage({ fleet, directories, uid, options: pageOptions }, whileOpen(signal)),
    samples: (uid, since, signal) =>
      instanceSamples({ fleet, directories, uid, options: { since } }, whileOpen(signal)),
    events: (signal) => watch.events(whileOpen(signal)),
    async [Symbol.asyncDispose]() {
      closing.abort()
      await Promise.all([stacks[Symbol.asyncDispose](), lifecycle.settled()])
    },
  }
}

function programOf({ data, launcher, machine, environment }: LocalfsOptions): LauncherProgram {
  return { ...launcher, node: machine.program, environment: launcherEnvironment(environment, data) }
}

/** By what the launcher was started with: what it is to be started with may not be at hand. */
async function withdrawIn(
  { fleet, directories }: { readonly fleet: string; readonly directories: Pick<InstanceDirectories, 'read'> },
  uid: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { bootstrap } = await directories.read(uid)
  return bootstrap.kind === 'read' && bootstrap.value.fleet === fleet && withdraw(bootstrap.value, signal)
}
