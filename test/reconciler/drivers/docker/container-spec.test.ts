import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { compareContainers, containerFacts } from '../../../../reconciler/drivers/docker/compare.ts'
import {
  containerName,
  containerSpec,
  createBody,
  instanceIn,
  updateBody,
  type ContainerSpec,
} from '../../../../reconciler/drivers/docker/container-spec.ts'
import { asInspected } from '../../../../reconciler/drivers/docker/engine-schema.ts'
import { seenSpec } from '../../../../reconciler/drivers/docker/seen-spec.ts'
import type { ResolvedInstance } from '../../../../reconciler/model/resource.ts'
import { golden } from '../../../support/golden.ts'
import { placeInstance } from '../../../support/make-instance.ts'

const fixtures = join(import.meta.dirname, '../../../../fixtures/docker')
const uid = '00000000-0000-4000-8000-000000000001'
const policy = {
  network: 'weir',
  image: 'weir-instance',
  runtimeUrl: 'http://host.docker.internal:3000',
  log: { maxSize: '10m', maxFiles: 3 },
}

function specOf(spec: Partial<ResolvedInstance> = {}): ContainerSpec {
  return containerSpec(placeInstance({ fleet: 'fleet-a', port: 1, uid, spec }), policy)
}

const full = specOf({
  hostnames: ['a.example.com', 'b.example.com'],
  resources: { memory: '512Mi', cpu: '500m' },
})
const bare = specOf({ resources: {}, stack: { nodeRed: '5.0.7', node: 24, image: 'plant/red:7' } })

t.test('what is asked of the engine is as it was accepted', async (t) => {
  for (const [name, spec] of Object.entries({ full, bare }))
    golden(t, join(fixtures, `create-${name}.json`), `${JSON.stringify(createBody(spec), undefined, 2)}\n`)
})

t.test('no variable of an instance and no token is in what the engine is told', async (t) => {
  const spec = specOf({ env: { PASSWORD: { value: 'canary' }, KEY: { secret: 'canary' } } })
  t.notMatch(JSON.stringify([spec, createBody(spec), containerFacts(spec)]), 'canary')
})

t.test('a container that was made as asked does not differ', async (t) => {
  const inspected: unknown = JSON.parse(readFileSync(join(fixtures, 'running.json'), 'utf8'))
  t.strictSame(seenSpec(asInspected(inspected)), full)
  t.strictSame(compareContainers(full, seenSpec(asInspected(inspected))), [])
})

t.test('each field that differs is told, with the way to change it', async (t) => {
  const changes: { readonly [K in keyof ContainerSpec]: readonly [ContainerSpec[K], string] } = {
    name: ['by-hand', 'rename'],
    labels: [{ ...full.labels, 'weir.runtime': 'http://elsewhere' }, 'replace'],
    image: ['weir-instance:5.0.6', 'replace'],
    stack: [{ nodeRed: '4.1.2', node: 24 }, 'replace'],
    env: [{ ...full.env, VIRTUAL_HOST: 'c.example.com' }, 'replace'],
    user: ['0:0', 'replace'],
    readOnly: [false, 'replace'],
    tmpfs: [{}, 'replace'],
    volumes: [{ ...full.volumes, '/host': '/etc' }, 'replace'],
    memory: [1, 'limits'],
    swap: [-1, 'limits'],
    pids: [60, 'limits'],
    otherLimits: [['cpu-shares 2'], 'replace'],
    cpu: [1, 'limits'],
    restart: ['no', 'limits'],
    stopGrace: [10, 'replace'],
    log: [{ driver: 'json-file' }, 'replace'],
    networks: [[], 'networks'],
    aliases: [['weir press.example.com'], 'networks'],
    dns: [['192.0.2.1'], 'replace'],
    hosts: [[], 'replace'],
    ports: [['1880/tcp'], 'replace'],
    privileges: [['privileged'], 'replace'],
    overrides: [['env NODE_OPTIONS'], 'replace'],
  }
  for (const [field, [value, way]] of Object.entries(changes)) {
    const seen = { ...full, [field]: value }
    t.strictSame(compareContainers(full, seen), [{ field, way }])
    t.strictSame(compareContainers(full, { ...full, [field]: structuredClone(Reflect.get(full, field)) }), [])
    t.notSame(containerFacts(seen), containerFacts(full))
  }
})

t.test('an image without a tag is the one that the engine takes it for', async (t) => {
  const images = { red: 'red:latest', 'a:5000/b/red': 'a:5000/b/red:latest', 'a:5000/red:1': undefined }
  for (const [image, full = image] of Object.entries({ ...images, 'red@sha256:ab': undefined }))
    t.equal(specOf({ stack: { nodeRed: '5.0.7', node: 24, image } }).image, full)
})

t.test('a limit that is to go takes another container: the engine lifts none', async (t) => {
  t.strictSame(compareContainers(bare, { ...bare, memory: 1, cpu: 1 }), [
    { field: 'memory', way: 'replace' },
    { field: 'cpu', way: 'replace' },
  ])
  t.strictSame(updateBody(bare), { RestartPolicy: { Name: 'unless-stopped' } })
})

t.test('a new name is no reason to replace a container', async (t) => {
  const renamed = specOf({
    name: 'press-line-2',
    hostnames: ['a.example.com', 'b.example.com'],
    resources: { memory: '512Mi', cpu: '500m' },
  })
  t.strictSame(compareContainers(renamed, full), [{ field: 'name', way: 'rename' }])
})

t.test('the instance can be read from the name of a container, unless that was changed', async (t) => {
  t.equal(instanceIn(containerName('press-line', uid), uid), 'press-line')
  t.equal(instanceIn('by-hand', uid), undefined)
})
