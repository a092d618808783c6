import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LauncherBootstrap, LauncherState } from '../launcher/wire.ts'
import { launcherFlags } from '../reconciler/compose-drivers.ts'
import { launcherEnvironment } from '../reconciler/drivers/localfs/environment.ts'
import { digestOf } from '../reconciler/model/digest.ts'
import { freePortPair } from '../test/support/free-port.ts'
import { openRuntimeDoor, type RuntimeDoor } from '../test/support/runtime-door.ts'
import { seedStack, stack } from '../test/support/stack.ts'
import { endProcess, markFlows } from './node-red.ts'
import type { Workbench } from './workbench.ts'

const main = join(import.meta.dirname, '../launcher/main.ts')

/** A launcher as localfs starts it, with a runtime door for it. */
export interface OneLauncher {
  readonly port: number
  readonly door: RuntimeDoor
  /** Starts it; a cache of compiled code is kept between starts, as in a fleet. */
  start(): { readonly process: ChildProcess; readonly started: number }
}

export async function prepareLauncher(
  bench: Workbench,
  node: string = process.execPath,
): Promise<OneLauncher> {
  const data = await bench.folder('launcher')
  const [folder, port, door] = [await seedStack(data), await freePortPair(), await openRuntimeDoor('token')]
  bench.atEnd(async () => door.close())
  door.settings = {
    uid: 'uid-1',
    name: 'press-1',
    digest: 'digest-1',
    host: '127.0.0.1',
    port,
    env: { MARK: 'ours' },
    modules: {},
    allowInstallScripts: false,
    flows: { digest: digestOf(markFlows), nodes: markFlows },
    credentialSecret: 'credential-secret',
    editor: { enabled: true, title: 'Press 1' },
    endpoints: { access: 'public' },
    members: [],
  }
  const directory = join(data, 'instances', 'uid-1')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const bootstrap: LauncherBootstrap = {
    uid: 'uid-1',
    name: 'press-1',
    fleet: 'fleet-1',
    runtimeUrl: door.url,
    runtimeToken: door.token,
    adminToken: 'admin-token',
    adminHost: '127.0.0.1',
    adminPort: port + 1000,
    stack: folder,
    node,
    versions: { nodeRed: stack.nodeRed, node: process.versions.node },
  }
  await writeFile(join(directory, 'launcher.json'), JSON.stringify(bootstrap), { mode: 0o600 })
  const environment = launcherEnvironment(process.env, data)
  return {
    port,
    door,
    start: () => {
      const started = performance.now()
      const child = spawn(node, [...launcherFlags, main, '--directory', directory], {
        cwd: directory,
        env: environment,
        detached: true,
        stdio: 'ignore',
      })
      bench.atEnd(async () => endProcess(child))
      return { process: child, started }
    },
  }
}

/** The pid of its Node-RED, as the launcher last told. */
export function nodeRedPid(door: RuntimeDoor): number {
  const said: readonly LauncherState[] = door.states.map(({ state }) => state)
  const pid = said.findLast(({ phase }) => phase === 'running')?.pid
  if (pid === undefined) throw new Error('the launcher has not told its Node-RED')
  return pid
}
