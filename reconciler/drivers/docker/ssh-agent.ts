import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { Agent } from 'node:http'
import { Socket } from 'node:net'
import { Duplex, type Readable, type Writable } from 'node:stream'
import type { SshTarget } from '../../model/engine-address.ts'

/** So few that a server which is asked for all of them at once accepts them (sshd_config(5), MaxStartups). */
const atOnce = 8

/**
 * Connections to an engine by `docker system dial-stdio` on its machine, as Docker's own client makes them. The program
 * ssh proves who the machine is, as it is configured for the user that runs the reconciler.
 */
export function sshAgent(target: SshTarget, maxSockets = atOnce): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets })
  agent.createConnection = () => dial(target)
  return agent
}

function dial(target: SshTarget): Duplex {
  const child = spawn('ssh', sshArguments(target), { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said = `${said}${part}`.slice(-500)))
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout })
  child.once('error', (error) => stream.destroy(error))
  child.once('exit', (code) => {
    if (code !== 0) stream.destroy(new SshEnded(code, said.trim()))
  })
  stream.once('close', () => child.kill())
  // What Node.js asks of a socket that it keeps.
  return Object.assign(stream, {
    setKeepAlive: () => stream,
    setNoDelay: () => stream,
    setTimeout: () => stream,
    ref: () => hold(child, true),
    unref: () => hold(child, false),
  })
}

/** Whether a connection keeps the reconciler from ending; one that is idle does not. */
function hold(child: ChildProcessByStdio<Writable, Readable, Readable>, held: boolean): void {
  const pipes = [child.stdin, child.stdout, child.stderr].filter((pipe) => pipe instanceof Socket)
  for (const each of [child, ...pipes]) {
    if (held) each.ref()
    else each.unref()
  }
}

/** Its `code` says that the engine cannot be reached. */
class SshEnded extends Error {
  readonly code = 'ECONNREFUSED'

  constructor(code: number | null, said: string) {
    super(`ssh ended${code === null ? '' : ` with ${code}`}: ${said}`)
    this.name = 'SshEnded'
  }
}

/** It asks nobody for a password, ends where the machine is silent for 45 s, and its own configuration decides what is not said here. Pure. */
export function sshArguments({ target, port, key, knownHosts }: SshTarget): readonly string[] {
  return [
    '-T',
    '-o',
    'BatchMode=yes',
    '-o',
    'ConnectTimeout=10',
    '-o',
    'ServerAliveInterval=15',
    '-o',
    'ServerAliveCountMax=3',
    ...(key === undefined ? [] : ['-i', key, '-o', 'IdentitiesOnly=yes']),
    ...(knownHosts === undefined
      ? []
      : ['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'StrictHostKeyChecking=yes']),
    ...(port === undefined ? [] : ['-p', String(port)]),
    '--',
    target,
    'docker',
    'system',
    'dial-stdio',
  ]
}
