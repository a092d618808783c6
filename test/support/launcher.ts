import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from 'bcryptjs'
import type { LauncherBootstrap, LauncherState, Member, RuntimeSettings } from '../../launcher/wire.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import { freePortPair } from './free-port.ts'
import { type RuntimeDoor, openRuntimeDoor } from './runtime-door.ts'
import { type TestStack, testStack } from './stack.ts'
import { until } from './until.ts'

export const launcherMain = join(import.meta.dirname, '../../launcher/main.ts')
export const adminToken = 'admin-token-of-the-test'

/** What a test needs of tap. */
export interface Test {
  teardown(end: () => unknown): void
}

export interface Answer {
  readonly status: number
  readonly text: string
}

/** A launcher in a directory of its own, with a runtime door for it. */
export interface LauncherUnderTest {
  readonly directory: string
  readonly port: number
  readonly adminPort: number
  readonly door: RuntimeDoor
  readonly bootstrap: LauncherBootstrap
  /** The launcher that was started last. */
  readonly process: ChildProcess
  readonly launch: () => ChildProcess
  readonly admin: (method: string, path: string, token?: string) => Promise<Answer>
  readonly state: () => Promise<LauncherState>
  /** Waits until the state is as asked. */
  when(what: string, holds: (state: LauncherState) => boolean): Promise<LauncherState>
  console(): string
}

/** Somebody with a read token, `<name>-token`. */
export function member(username: string, permissions: Member['permissions']): Member {
  const tokens = [{ sha256: sha256(`${username}-token`) }]
  return { username, permissions, proof: `what ${username} signs in by`, tokens }
}

/** The same with a password, as where endpoints ask for one. */
export async function withPassword(known: Member, password = `${known.username}-password`): Promise<Member> {
  return { ...known, passwordHash: await hash(password, 4) }
}

export function settingsFor(port: number, changes: Partial<RuntimeSettings> = {}): RuntimeSettings {
  return {
    uid: 'uid-1',
    name: 'press-1',
    digest: 'digest-1',
    host: '127.0.0.1',
    port,
    env: {},
    modules: {},
    allowInstallScripts: false,
    credentialSecret: 'credential-secret',
    editor: { enabled: true, title: 'Press 1' },
    endpoints: { access: 'public' },
    members: [],
    ...changes,
  }
}

/** Prepares a launcher; `launch` starts it. Everything has ended when the test has. */
export async function prepareLauncher(
  t: Test,
  changes: Partial<RuntimeSettings> = {},
  stack?: TestStack,
  /** A door of the test's own. */
  runtimeUrl?: string,
): Promise<LauncherUnderTest> {
  const [door, port] = [await openRuntimeDoor('runtime-token'), await freePortPair()]
  const adminPort = port + 1000
  door.settings = settingsFor(port, changes)
  // not t.testdir(): it is removed, or cannot be, while what runs in it still writes there
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'weir-launcher-')))
  const directory = join(root, 'instance')
  mkdirSync(directory, { mode: 0o700 })
  const bootstrap: LauncherBootstrap = {
    uid: 'uid-1',
    name: 'press-1',
    fleet: 'fleet-1',
    runtimeUrl: runtimeUrl ?? door.url,
    runtimeToken: door.token,
    adminToken,
    adminHost: '127.0.0.1',
    adminPort,
    modules: join(directory, '../modules'),
    ...(stack ?? (await testStack())),
  }
  writeFileSync(join(directory, 'launcher.json'), JSON.stringify(bootstrap), { mode: 0o600 })
  const children: ChildProcess[] = []
  const launch = () => {
    const child = spawn(process.execPath, [launcherMain, '--directory', directory], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'weir-test-launcher-cache') },
    })
    children.push(child)
    return child
  }
  t.teardown(async () => {
    for (const child of children) {
      child.kill('SIGKILL')
      await exited(child)
    }
    await door.close()
    await until('the port is free', () => portIsClosed(port))
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })
  const admin = (method: string, path: string, token = adminToken) =>
    ask(`http://127.0.0.1:${adminPort}${path}`, { method, headers: { authorization: `Bearer ${token}` } })
  const state = async () => stateOf(await admin('GET', '/state'))
  const launcher: LauncherUnderTest = {
    directory,
    port,
    adminPort,
    door,
    bootstrap,
    get process() {
      const child = children.at(-1)
      if (child === undefined) throw new Error('the launcher has not been started')
      return child
    },
    launch,
    admin,
    state,
    when: (what, holds) =>
      until(what, async () => {
        const seen = await state().catch(() => undefined)
        return seen !== undefined && holds(seen) ? seen : undefined
      }),
    console: () => readFileSync(join(directory, 'console.log'), 'utf8'),
  }
  return launcher
}

/** Starts a launcher and waits until its Node-RED answers. */
export async function startLauncher(
  t: Test,
  changes: Partial<RuntimeSettings> = {},
): Promise<LauncherUnderTest> {
  const launcher = await prepareLauncher(t, changes)
  launcher.launch()
  await launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  return launcher
}

export function exited(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve(child.exitCode ?? child.signalCode)
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
}

function stateOf({ status, text }: Answer): LauncherState {
  if (status !== 200) throw new Error(`the launcher answers ${status}`)
  return JSON.parse(text)
}

/** One request, and the whole answer. */
export async function ask(url: string, options: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000), ...options })
  return { status: response.status, text: await response.text() }
}

export async function portIsClosed(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Whether a process of that id runs. A zombie does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
