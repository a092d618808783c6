import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { withoutRegistry } from '../engines/docker.ts'
import { docker, removeFleet } from '../support/docker-cli.ts'
import { bridge, image as ours } from '../support/docker.ts'
import { createRegistry, type Registry } from '../support/docker-registry.ts'
import { engineLink } from '../support/engine-link.ts'
import { asRecord, setUpFleet, type FleetUnderTest } from '../support/fleet.ts'
import { severableLink } from '../support/severable-link.ts'
import { stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const mark = randomUUID().slice(0, 8)
const network = `weir-test-${mark}`
const repository = `weir-test-${mark}`
const account = { user: 'fleet', password: randomBytes(12).toString('hex') }

/** An instance on a Stack of its own with that image. */
const instance = (name: string, image: string, state: string) => `apiVersion: weir/v1
kind: Stack
metadata: { name: ${name} }
spec: { nodeRed: ${stack.nodeRed}, node: ${stack.node}, image: "${image}" }
---
apiVersion: weir/v1
kind: Instance
metadata: { name: ${name} }
spec: { team: line, stack: ${name}, state: ${state} }
`

/** Builds an image with a layer that no other has, pushes it to its registry, and takes it from the engine. */
async function push(t: Test, image: string): Promise<void> {
  const folder = t.testdir({
    Dockerfile: `FROM ${ours.repository}:${ours.nodeRed}\nCOPY ballast /opt/ballast\n`,
    ballast: randomBytes(8 * 2 ** 20),
  })
  await docker('build', '--quiet', '--tag', image, folder)
  await docker('push', '--quiet', image)
  await docker('rmi', image)
}

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json'
const manifestOf = async ({ url }: Registry, tag: string) =>
  fetch(`${url}/v2/${repository}/manifests/${tag}`, { headers: { accept: manifestType } })

/** The file of the last layer of an image, in what its registry keeps. */
async function lastLayer(registry: Registry, tag: string): Promise<string> {
  const text = await (await manifestOf(registry, tag)).text()
  const { layers }: { readonly layers: readonly { readonly digest: string }[] } = JSON.parse(text)
  const digest = layers.at(-1)?.digest.replace('sha256:', '') ?? ''
  return join(registry.data, 'docker/registry/v2/blobs/sha256', digest.slice(0, 2), digest, 'data')
}

async function copyTag(registry: Registry, from: string, to: string): Promise<void> {
  const body = await (await manifestOf(registry, from)).text()
  const headers = { 'content-type': manifestType }
  await fetch(`${registry.url}/v2/${repository}/manifests/${to}`, { method: 'PUT', headers, body })
}

const conditionsOf = async (fleet: FleetUnderTest, name: string) => {
  const view = await fleet.instance(name)
  const listed: readonly unknown[] = Array.isArray(view?.['conditions']) ? view['conditions'] : []
  return listed.map((one) => asRecord(one) ?? {})
}

/** Waits until a condition of that type says so, and gives what it says. */
const says = async (fleet: FleetUnderTest, name: string, type: string, pattern: RegExp) =>
  until(`${type} of ${name} says ${String(pattern)}`, async () => {
    const found = (await conditionsOf(fleet, name)).find((one) => one['type'] === type)
    const text = `${String(found?.['reason'])}: ${String(found?.['message'])}`
    return pattern.test(text) ? text : undefined
  })

const name = 'an image that the engine does not have: said, pulled where that is allowed, and tried again'
t.test(name, { skip: withoutRegistry }, async (t) => {
  const open = await createRegistry(t)
  const closed = await createRegistry(t, { data: open.data, account })
  const late = await createRegistry(t, { data: open.data })
  await open.start()
  await closed.start()
  await using link = await severableLink(open.url)
  await using engine = await engineLink()
  const slow = `${new URL(link.url).host}/${repository}:1`
  const images = {
    press: slow,
    rest: slow,
    wrong: `${open.address}/${repository}:wrong`,
    closed: `${closed.address}/${repository}:1`,
    late: `${late.address}/${repository}:1`,
    broken: `${open.address}/${repository}:broken`,
  }
  t.teardown(async () => {
    await removeFleet(network)
    for (const one of new Set(Object.values(images))) await docker('rmi', one).catch(() => undefined)
  })
  await push(t, `${open.address}/${repository}:1`)
  await push(t, images.broken)
  const layer = await lastLayer(open, 'broken')
  const whole = await readFile(layer)
  await writeFile(layer, Buffer.alloc(whole.length))

  const driver = `host: "unix://${engine.socketPath}", network: ${network}, runtimeUrl: "http://${bridge}:PORT"`
  const fleet = await setUpFleet(t, `driver: docker\ndocker: { ${driver} }\n`, '0.0.0.0')
  const password = join(fleet.secrets, 'registry')
  await fleet.repository.write('press.yaml', instance('press', images.press, 'running'))
  await fleet.repository.commit('Add a press')
  const refused = await fleet.run()
  t.equal(refused.code, 1)
  t.match(
    refused.stdout + refused.stderr,
    `the engine has no image ${slow}: build it there, or have it pulled`,
  )
  const pulls = () => engine.calls.filter((call) => call.startsWith('POST /images/create'))
  t.strictSame(pulls(), [], 'nothing is pulled by surprise')

  const registries = `[ { address: "${closed.address}", user: ${account.user}, password: ${password} } ]`
  const settings = await readFile(fleet.config, 'utf8')
  const allowed = settings.replace('docker: {', `docker: { pull: missing, registries: ${registries},`)
  await writeFile(fleet.config, allowed)
  for (const [name, image] of Object.entries(images))
    if (name !== 'press') await fleet.repository.write(`${name}.yaml`, instance(name, image, 'stopped'))
  await fleet.repository.commit('Take images from registries')
  link.mode = 'short'
  await fleet.serve()

  await says(
    fleet,
    'wrong',
    'Stalled',
    /^ImageUnknown: the registry \S+ has no image \S+:wrong: push it there/,
  )
  await says(fleet, 'late', 'Stalled', /^PullFailed: .*see that the engine reaches the registry.*refused/)
  await says(fleet, 'broken', 'Stalled', /^PullFailed: .*layer verification failed/)
  await says(fleet, 'closed', 'Stalled', /^PullDenied: the password .* cannot be read: put it into the file/)
  await writeFile(password, 'no such password\n')
  await says(fleet, 'closed', 'Stalled', /^PullDenied: .*mend user and password of it in docker\.registries/)
  for (const name of ['wrong', 'late', 'closed', 'broken'])
    await says(fleet, name, 'Reconciling', /^Retrying: /)

  const underWay = /^Installing: create is under way: .* is pulled: \d+ of \d+ layers, \d+ %$/
  for (const name of ['press', 'rest']) await says(fleet, name, 'Reconciling', underWay)
  t.equal(
    pulls().filter((call) => call.includes(encodeURIComponent(slow))).length,
    1,
    'both wait for one pull',
  )

  await copyTag(open, '1', 'wrong')
  await late.start()
  await writeFile(password, `${account.password}\n`)
  await writeFile(layer, whole)
  link.cut()
  link.mode = 'up'
  await says(fleet, 'press', 'Reconciling', /the connection broke, the engine tries again$/)
  for (const name of Object.keys(images)) await fleet.ready(name)

  const log = await readFile(join(dirname(fleet.config), 'serve.log'), 'utf8')
  t.match(log, /"progress":"\d+ of \d+ layers, \d+ %/)
  t.match(log, /image was pulled/)
  t.notMatch(log, account.password)
})
