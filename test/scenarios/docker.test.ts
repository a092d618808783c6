import { randomUUID } from 'node:crypto'
import t from 'tap'
import { sha256 } from '../../reconciler/model/digest.ts'
import { withoutDocker } from '../engines/docker.ts'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { docker, removeFleet } from '../support/docker-cli.ts'
import { bridge } from '../support/docker.ts'
import { asRecord, end, instanceManifest, platform, setUpFleet } from '../support/fleet.ts'
import { engineLink } from '../support/engine-link.ts'
import { until } from '../support/until.ts'

const network = `weir-test-${randomUUID().slice(0, 8)}`
const configuration = (socketPath: string) => `driver: docker
docker: { host: "unix://${socketPath}", network: ${network}, runtimeUrl: "http://${bridge}:PORT" }
`

/** Names of the containers in the network of this test. */
async function containers(): Promise<readonly string[]> {
  const names = await docker('ps', '--all', '--filter', `network=${network}`, '--format', '{{.Names}}')
  return names === '' ? [] : names.split('\n').toSorted()
}

const urlOf = async (container: string) => {
  const address = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return `http://${await docker('inspect', '--format', address, container)}:1880/`
}
const hello = async (container: string) => textAt(`${await urlOf(container)}hello`)

const carol = `apiVersion: weir/v1
kind: User
metadata: { name: carol }
spec: { admin: true, tokens: [ { name: ci, sha256: ${sha256('token of carol')} } ] }
`
const letsCarolIn = async (container: string) => {
  const headers = { authorization: 'Bearer token of carol' }
  return (await fetch(`${await urlOf(container)}flows`, { headers })).status === 200
}

/** A container's id and start, and its processes of Node.js. Whatever asks for its health comes and goes. */
async function livesOf(container: string): Promise<readonly string[]> {
  const processes = await docker('top', container, '-eo', 'pid,args')
  return [
    await docker('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', container),
    ...processes.split('\n').filter((line) => line.includes('node')),
  ]
}

const name = 'a fleet in containers: from a commit to an answer, drift put back, and gone again'
t.test(name, { skip: withoutDocker }, async (t) => {
  t.teardown(() => removeFleet(network))
  const link = await engineLink()
  const fleet = await setUpFleet(t, configuration(link.socketPath), '0.0.0.0')
  t.teardown(() => link[Symbol.asyncDispose]())
  const specOf = (greeting: string, more = '') =>
    `hostname: press.example.com, endpoints: { access: public }, flows: { path: hello.json }, editor: { title: Press }, env: [ { name: GREETING, value: ${greeting} } ]${more}`
  const manifest = (greeting: string, more = '') => instanceManifest('press', specOf(greeting, more))
  await fleet.repository.write('hello.json', greetingFlows())
  await fleet.repository.write('press.yaml', instanceManifest('former', specOf('hello')))
  await fleet.repository.write(
    'rest.yaml',
    instanceManifest('unused', 'state: stopped, editor: { title: Rest }'),
  )
  await fleet.repository.commit('Add a press')

  const first = await fleet.run()
  t.equal(first.code, 0, first.stderr)
  const ids = async () => docker('ps', '--all', '--quiet', '--filter', `network=${network}`)
  const made = await ids()
  await fleet.repository.write('press.yaml', instanceManifest('press', specOf('hello'), 'previously: former'))
  await fleet.repository.write(
    'rest.yaml',
    instanceManifest('rest', 'state: stopped, editor: { title: Rest }', 'previously: unused'),
  )
  await fleet.repository.commit('Rename both')
  t.match((await fleet.run('--dry-run')).stdout, /rename/)
  const second = await fleet.run()
  t.equal(second.code, 0, second.stderr)
  const [press = '', rest = ''] = await containers()
  t.match(
    [press, rest],
    [/^weir-press-/, /^weir-rest-/],
    'the same round leaves no container with its old name',
  )
  t.equal(await ids(), made, 'and it is the same containers')
  t.equal(await docker('inspect', '--format', '{{.State.Status}}', rest), 'created')
  t.equal(await hello(press), 'hello')
  t.equal((await fleet.run('--dry-run')).code, 0, 'nothing is left to do')

  const server = await fleet.serve()
  const view = await fleet.ready('press')
  t.match(view, { driver: 'docker', url: 'https://press.example.com/' })
  const id = await docker('inspect', '--format', '{{.Id}}', press)
  await fleet.repository.write('press.yaml', manifest('evening', ', resources: { memory: 300Mi }'))
  await fleet.repository.commit('Say good evening')
  await until('the change is there', async () => (await hello(press)) === 'evening')
  await fleet.ready('press')
  t.equal(
    await docker('inspect', '--format', '{{.Id}} {{.HostConfig.Memory}}', press),
    `${id} ${300 * 2 ** 20}`,
  )

  link.mode = 'truncated'
  link.calls.length = 0
  await docker('update', '--memory', '250m', '--memory-swap', '250m', press)
  await until('it looks', () => link.calls.includes('GET /containers/json'))
  link.mode = 'up'
  await until('a look whose answer broke off is made again', async () => {
    return (await docker('inspect', '--format', '{{.HostConfig.Memory}}', press)) === String(300 * 2 ** 20)
  })

  await docker('kill', press)
  await until('it is back', async () => (await hello(press)) === 'evening')
  await docker('update', '--memory', '200m', '--memory-swap', '200m', press)
  await until('the limit is back', async () => {
    return (await docker('inspect', '--format', '{{.HostConfig.Memory}}', press)) === String(300 * 2 ** 20)
  })
  await docker('rm', '--force', press)
  await until('it is made anew', async () => (await hello(press).catch(() => '')) === 'evening')
  await fleet.ready('press')

  await fleet.repository.write('carol.yaml', carol)
  await fleet.repository.commit('carol comes')
  await until('she is in', () => letsCarolIn(press))
  const former = await livesOf(press)
  await fleet.repository.remove('carol.yaml')
  await fleet.repository.write('platform.yaml', platform.replace('nodeRed:', 'image: weir-none:1, nodeRed:'))
  await fleet.repository.commit('carol leaves, and an image comes that is not there')
  await until('she is out', async () => !(await letsCarolIn(press)))
  await until('it is told why the rest is not done', async () =>
    JSON.stringify((await fleet.instance('press')) ?? {}).includes('ImageMissing'),
  )
  t.strictSame(await livesOf(press), former, 'what runs goes on')
  await fleet.repository.write('platform.yaml', platform)
  await fleet.repository.commit('The image of before')
  await fleet.ready('press')

  await fleet.repository.write('carol.yaml', carol)
  await fleet.repository.commit('carol comes back')
  await until('she is in', () => letsCarolIn(press))
  await end(server, 'SIGTERM')
  await fleet.repository.remove('carol.yaml')
  await fleet.repository.commit('carol leaves, and nobody is there to see it')
  for (const again of [['kill'], ['stop', '--time', '0']]) {
    await docker(...again, press)
    await docker('start', press)
    await until(
      'it answers without the reconciler',
      async () => (await hello(press).catch(() => '')) === 'evening',
    )
  }
  const before = await livesOf(press)
  await fleet.serve()
  await until('carol is out', async () => !(await letsCarolIn(press)))
  await fleet.ready('press')
  t.equal((await fleet.run('--dry-run')).code, 0, 'nothing is left to do')
  t.strictSame(await livesOf(press), before, 'and nothing restarted for it')

  await fleet.repository.remove('press.yaml')
  await fleet.repository.commit('Remove the press')
  await until('it is gone', async () => !(await containers()).includes(press))
  const uid = String(asRecord(view)?.['uid'])
  await until(
    'with its data',
    async () => (await docker('volume', 'ls', '-q', '--filter', `name=${uid}`)) === '',
  )
})
