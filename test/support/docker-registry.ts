import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from 'bcryptjs'
import { end } from './fleet.ts'
import { freePortPair } from './free-port.ts'
import { until } from './until.ts'

interface Test {
  teardown(end: () => unknown): void
}

/** The registry of Debian's docker-registry, which the engine reaches on loopback without TLS. It ends with the test. */
export interface Registry {
  /** As it begins the name of an image. */
  readonly address: string
  readonly url: string
  /** What it keeps; another registry may serve it too. */
  readonly data: string
  start(): Promise<void>
}

export interface RegistryOptions {
  /** What another one keeps. Default: a folder of its own. */
  readonly data?: string
  /** Who alone is served. Default: everybody. */
  readonly account?: { readonly user: string; readonly password: string }
}

/** It is not started yet. */
export async function createRegistry(t: Test, options: RegistryOptions = {}): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-registry-'))
  const address = `127.0.0.1:${await freePortPair()}`
  const { data = join(folder, 'data'), account } = options
  const [file, passwords] = [join(folder, 'registry.json'), join(folder, 'htpasswd')]
  if (account !== undefined)
    await writeFile(passwords, `${account.user}:${await hash(account.password, 4)}\n`)
  // https://distribution.github.io/distribution/about/configuration/; JSON is YAML, too
  const configuration = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: address, secret: 'known to nobody else' },
    ...(account === undefined ? {} : { auth: { htpasswd: { realm: 'weir', path: passwords } } }),
  }
  await writeFile(file, JSON.stringify(configuration))
  let child: ChildProcess | undefined
  t.teardown(async () => {
    if (child !== undefined) await end(child, 'SIGTERM')
    await rm(folder, { recursive: true, force: true })
  })
  const url = `http://${address}`
  return {
    address,
    url,
    data,
    async start() {
      child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' })
      await until('the registry answers', async () => {
        if (child?.exitCode !== null) throw new Error(`the registry ended with ${child?.exitCode}`)
        return fetch(`${url}/v2/`).then(
          () => true,
          () => false,
        )
      })
    },
  }
}
