import { randomBytes } from 'node:crypto'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { docker } from '../support/docker-cli.ts'
import { until } from '../support/until.ts'
import { instanceImage, withoutDocker } from './docker.ts'

const run = promisify(execFile)
const program = '/usr/sbin/dockerd'

/** For `t.test(…, { skip })`: why a suite that stops or fills an engine is left out, and what lets it run; false where it runs. */
export const withoutOwnDocker: string | false = reason()

function reason(): string | false {
  if (withoutDocker !== false) return withoutDocker
  if (!existsSync(program)) return 'needs to start a Docker Engine of its own: test/engines/docker up'
  return userInfo().uid === 0 ? false : 'needs to start a Docker Engine of its own: run it as root'
}

/** An engine that nobody else uses, with the image of instances in it, and a disk of its own that is small. */
export interface OwnDocker {
  /** For `docker.host` of a configuration. */
  readonly host: string
  /** What the docker command prints of it. */
  docker(...words: readonly string[]): Promise<string>
  /** Ends it, as its service manager does or as a fault does, and settles when it has ended. */
  stop(name: 'SIGTERM' | 'SIGKILL'): Promise<void>
  start(): Promise<void>
  /** Leaves not a byte of its disk free. */
  fill(): Promise<void>
  /** Gives back what `fill` took. */
  free(): Promise<void>
}

interface Test {
  teardown(end: () => unknown): void
}

/** Room for the image of instances and some containers; memory of the machine. */
const diskSize = '1g'

/** Starts one, which ends with the test and takes all with it that was made in it. */
export async function startOwnDocker(t: Test): Promise<OwnDocker> {
  // not below TMPDIR: the path of a socket has to be short
  const root = await mkdtemp('/tmp/weir-docker-')
  const data = join(root, 'data')
  await mkdir(data)
  await run('mount', ['-t', 'tmpfs', '-o', `size=${diskSize},mode=0711`, 'weir-own-docker', data])
  const bridge = await makeBridge()
  const engine = createOwnDocker({ root, data, bridge })
  t.teardown(async () => {
    await engine.start()
    await removeAll(engine)
    await engine.stop('SIGTERM')
    await unmountAll(root, data)
    await docker('network', 'rm', bridge)
    await rm(root, { recursive: true, force: true })
  })
  await engine.start()
  await run('sh', ['-c', `docker save "$1" | docker --host "$2" load`, 'sh', instanceImage, engine.host])
  return engine
}

/** A bridge of the machine, made by the engine beside this one, and named as its network there. */
async function makeBridge(): Promise<string> {
  const name = `weir-own-${randomBytes(2).toString('hex')}`
  await docker('network', 'create', '--opt', `com.docker.network.bridge.name=${name}`, name)
  return name
}

interface Place {
  readonly root: string
  /** Its disk. */
  readonly data: string
  readonly bridge: string
}

/**
 * Two engines on one machine share its network, its firewall and perhaps its containerd. So this one has a default bridge
 * of its own: it would share `docker0`, and removes it at its start where it is told to have no bridge, or of which addresses
 * its networks are to be; it takes none that the machine has a route for. It leaves the firewall alone, whose chains it would
 * empty at its start, the other's rules with them, and keeps its containers in a namespace of its own.
 */
function flags({ root, data, bridge }: Place, host: string): readonly string[] {
  const options = {
    host,
    'data-root': data,
    'exec-root': join(root, 'exec'),
    pidfile: pidfileIn(root),
    bridge,
    iptables: 'false',
    'ip-masq': 'false',
    'containerd-namespace': bridge,
    'containerd-plugins-namespace': `${bridge}-plugins`,
  }
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`)
}

function pidfileIn(root: string): string {
  return join(root, 'docker.pid')
}

function createOwnDocker(place: Place): OwnDocker {
  const { root, data } = place
  const host = `unix://${join(root, 'docker.sock')}`
  const log = join(root, 'dockerd.log')
  const filler = join(data, 'filler')
  let child: ChildProcess | undefined
  const ask = async (...words: readonly string[]) => docker('--host', host, ...words)
  const runs = () => child !== undefined && child.exitCode === null && child.signalCode === null
  return {
    host,
    docker: ask,
    async stop(name) {
      if (child === undefined || !runs()) return
      child.kill(name)
      await once(child, 'exit')
    },
    async start() {
      if (runs()) return
      // One that was killed has left them behind. Its containerd went with it, but may not be reaped, and counts as alive.
      for (const file of [pidfileIn(root), join(root, 'exec/containerd/containerd.pid')])
        await rm(file, { force: true })
      const output = openSync(log, 'a')
      child = spawn(program, flags(place, host), { stdio: ['ignore', output, output] })
      await until('the engine answers', async () => {
        if (!runs()) throw new Error(`the engine ended: ${(await readFile(log, 'utf8')).slice(-2000)}`)
        return ask('version').then(
          () => true,
          () => false,
        )
      })
    },
    async fill() {
      // It ends with an error when nothing is left, which is what it is for.
      await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']).catch(() => undefined)
    },
    free: async () => rm(filler, { force: true }),
  }
}

/** Its containers and networks are things of the machine, too, which would outlive it. */
async function removeAll(engine: OwnDocker): Promise<void> {
  await engine.free()
  const containers = await engine.docker('ps', '--all', '--quiet')
  if (containers !== '') await engine.docker('rm', '--force', ...containers.split('\n'))
  await engine.docker('network', 'prune', '--force')
}

async function unmountAll(root: string, data: string): Promise<void> {
  const spaces = join(root, 'exec', 'netns')
  for (const name of await readdir(spaces).catch(() => []))
    await run('umount', [join(spaces, name)]).catch(() => undefined)
  await run('umount', ['--recursive', data])
}
