import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Test } from './launcher.ts'

const run = promisify(execFile)

/** What the docker command prints. @throws Error with what it says where it fails. */
export async function docker(...words: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', words, { maxBuffer: 16 * 2 ** 20 })
  return stdout.trim()
}

/** What `docker inspect` says of one thing by a template, from JSON. */
export async function inspected(what: string, field: string): Promise<unknown> {
  const value: unknown = JSON.parse(await docker('inspect', '--format', `{{json ${field}}}`, what))
  return value
}

/** Removes all that a fleet made on the engine, which it has made a network for. */
export async function removeFleet(network: string): Promise<void> {
  const fleet = await docker('network', 'inspect', '--format', '{{index .Labels "weir.fleet"}}', network)
  const ours = ['--quiet', '--filter', `label=weir.fleet=${fleet}`]
  const listed = async (...words: readonly string[]) =>
    (await docker(...words, ...ours)).split('\n').filter(Boolean)
  for (const container of await listed('ps', '--all')) await docker('rm', '--force', container)
  for (const volume of await listed('volume', 'ls')) await docker('volume', 'rm', volume)
  await docker('network', 'rm', network)
}

/** A container that is gone after the test, with its volumes that have no name. */
export async function startContainer(t: Test, ...words: readonly string[]): Promise<string> {
  const id = await docker('run', '--detach', ...words)
  t.teardown(() => docker('rm', '--force', '--volumes', id))
  return id
}

/** Puts a file into a running container in one step, by way of a process in it: what lies on a tmpfs is reached by no other. */
export async function putFile(container: string, path: string, content: string): Promise<void> {
  const script = 'umask 077 && cat >"$1.new" && mv "$1.new" "$1"'
  const put = run('docker', ['exec', '--interactive', container, 'sh', '-c', script, 'sh', path])
  put.child.stdin?.end(content)
  await put
}
