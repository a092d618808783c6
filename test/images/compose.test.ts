import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { loadConfig } from '../../reconciler/config.ts'

const folder = join(import.meta.dirname, '../../examples/docker-compose')
const read = (file: string): string => readFileSync(join(folder, file), 'utf8')

interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes: readonly string[]
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address: string }>>
  readonly healthcheck?: object
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

/** https://github.com/compose-spec/compose-spec/blob/main/spec.md */
const compose: {
  readonly services: { readonly postgres: Service; readonly reconciler: Service; readonly proxy: Service }
  readonly networks: Readonly<Record<string, { readonly name?: string }>>
  readonly volumes: Readonly<Record<string, object>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
} = parse(read('compose.yaml'))
const { postgres, reconciler, proxy } = compose.services
const all = [postgres, reconciler, proxy]

t.test(
  'every image of the Compose example has an exact version, and ours are those that are built',
  async (t) => {
    for (const { image } of [postgres, proxy]) t.match(image, /^[\w./-]+:\d+\.\d+(\.\d+)?$/)
    t.equal(reconciler.image, `weir:${manifest.version}`)
    const documents = globSync('fleet/*.yaml', { cwd: folder }).flatMap((file) =>
      parseAllDocuments(read(file)),
    )
    const stacks = documents.filter((document) => document.get('kind') === 'Stack')
    t.ok(stacks.length > 0)
    for (const stack of stacks)
      t.equal(stack.getIn(['spec', 'image']), `weir-instance:${String(stack.getIn(['spec', 'nodeRed']))}`)
  },
)

t.test('what the services of the Compose example name is there', async (t) => {
  for (const { volumes, networks, secrets = [] } of all) {
    for (const [source = ''] of volumes.map((volume) => volume.split(':')))
      t.ok(
        source.startsWith('./')
          ? existsSync(join(folder, source))
          : source in compose.volumes || source.startsWith('/'),
        source,
      )
    for (const network of Array.isArray(networks) ? networks : Object.keys(networks))
      t.ok(network in compose.networks, network)
    for (const secret of secrets) t.match(compose.secrets[secret]?.file, './secrets/')
  }
})

t.test('no secret of the Compose example stands in an environment', async (t) => {
  const told = all.flatMap(({ environment = {} }) => Object.entries(environment))
  for (const [name, value] of told)
    if (/password|secret|token|key/i.test(name)) t.match(value, /^\/run\/secrets\//, name)
  t.equal(read('.gitignore').split('\n')[0], 'secrets/', 'nor in Git')
})

t.test('the reconciler waits for a healthy store, and the proxy for nobody', async (t) => {
  t.same(reconciler.depends_on, { postgres: { condition: 'service_healthy' } })
  t.ok(postgres.healthcheck)
  t.ok(proxy.healthcheck)
  t.notOk(proxy.depends_on)
})

t.test('the reconciler believes the proxy, and nobody else, where people come from', async (t) => {
  const { trustProxy }: { trustProxy: readonly string[] } = parse(read('weir.yaml'))
  t.match(proxy.networks, { instances: { ipv4_address: String(trustProxy) } })
})

t.test(
  'the configuration of the Compose example is one, and its instances find the reconciler',
  async (t) => {
    const { driver, docker } = await loadConfig({ config: 'weir.yaml' }, folder)
    t.equal(driver, 'docker')
    t.equal(docker && new URL(docker.runtimeUrl).hostname, 'reconciler', 'by the name of its service')
    t.ok('reconciler' in compose.services)
    t.equal(docker?.network, compose.networks['instances']?.name)
  },
)
