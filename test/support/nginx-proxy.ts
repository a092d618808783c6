import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { freePortPair } from './free-port.ts'
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
  await writeFile(file, configuration({ port, folder, servers: await serversIn(engine, network) }))
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

interface Server {
  readonly hosts: readonly string[]
  readonly address: string
}

/** Containers that run in the network and name a host. */
async function serversIn(engine: Docker, network: string): Promise<readonly Server[]> {
  const listed = await engine.listContainers({ filters: { network: [network] } })
  const servers = await Promise.all(
    listed.map(async ({ Id }): Promise<readonly Server[]> => {
      const { Config, NetworkSettings } = await engine.getContainer(Id).inspect()
      const variables = new Map(
        Config.Env.map((entry) => [entry.split('=')[0], entry.replace(/^[^=]*=/, '')]),
      )
      const hosts = variables.get('VIRTUAL_HOST')
      const address = `${NetworkSettings.Networks[network]?.IPAddress}:${variables.get('VIRTUAL_PORT') ?? 80}`
      return hosts === undefined ? [] : [{ hosts: hosts.split(','), address }]
    }),
  )
  return servers.flat()
}

/** After nginx-proxy's template (https://github.com/nginx-proxy/nginx-proxy): unknown hosts get 503. */
function configuration(parts: {
  readonly port: number
  readonly folder: string
  readonly servers: readonly Server[]
}): string {
  const { port, folder, servers } = parts
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')}
  map $http_upgrade $proxy_connection { default upgrade; '' close; }
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $proxy_connection;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto $scheme;
  server { listen 127.0.0.1:${port} default_server; return 503; }
${servers.map(({ hosts, address }) => `  server { listen 127.0.0.1:${port}; server_name ${hosts.join(' ')}; location / { proxy_pass http://${address}; } }`).join('\n')}
}
`
}
