/** Process 1 of the image that stands in for nginx-proxy: nginx, configured anew whenever the engine tells of a container. */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'
import { hostname } from 'node:os'
import { nginxConfiguration, serversIn, type ProxiedContainer } from '../../support/nginx-configuration.ts'

const file = '/tmp/nginx.conf'
const port = Number(process.env['HTTP_PORT'] ?? 80)

async function ask(path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ socketPath: '/tmp/docker.sock', path }, resolve).on('error', reject).end()
  })
}

async function textOf(path: string): Promise<string> {
  let text = ''
  for await (const part of await ask(path)) text += String(part)
  return text
}

const engine = {
  async listContainers(): Promise<readonly { readonly Id: string }[]> {
    return JSON.parse(await textOf('/containers/json'))
  },
  getContainer: (id: string) => ({
    async inspect(): Promise<ProxiedContainer> {
      return JSON.parse(await textOf(`/containers/${id}/json`))
    },
  }),
}

async function configure(): Promise<string> {
  const { NetworkSettings } = await engine.getContainer(hostname()).inspect()
  const servers = await serversIn(engine, Object.keys(NetworkSettings.Networks))
  return nginxConfiguration({ listen: String(port), folder: '/tmp', servers })
}

let configuration = await configure()
writeFileSync(file, configuration)
const nginx = spawn('nginx', ['-c', file], { stdio: 'inherit' })
nginx.on('exit', (code) => process.exit(code ?? 1))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => nginx.kill('SIGQUIT'))

const filters = { type: ['container', 'network'], event: ['start', 'die', 'connect', 'disconnect'] }
for await (const _ of await ask(`/events?filters=${encodeURIComponent(JSON.stringify(filters))}`)) {
  const next = await configure().catch(() => configuration)
  if (next === configuration) continue
  configuration = next
  writeFileSync(file, configuration)
  spawnSync('nginx', ['-c', file, '-s', 'reload'], { stdio: 'inherit' })
}
