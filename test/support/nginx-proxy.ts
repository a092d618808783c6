import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { freePortPair } from './free-port.ts'
import { nginxConfiguration, serversIn } from './nginx-configuration.ts'
import { until } from './until.ts'

/** What a test needs of tap. */
interface Test {
  teardown(end: () => unknown): void
}

/** Debian's nginx, configured from what containers in a network say in their environment, as nginx-proxy configures it. */
export async function startProxy(
  t: Test,
  { engine, network }: { readonly engine: Docker; readonly network: string },
): Promise<{ readonly port: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-nginx-'))
  const port = await freePortPair()
  const file = join(folder, 'nginx.conf')
  const servers = await serversIn(engine, [network])
  await writeFile(file, nginxConfiguration({ listen: `127.0.0.1:${port}`, folder, servers }))
  const child = spawn('nginx', ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], {
    stdio: 'inherit',
  })
  t.teardown(async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true })
  })
  await until('the proxy answers', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
    return fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
  })
  return { port }
}
