import { randomUUID } from 'node:crypto'
import t from 'tap'
import { withoutDocker } from '../engines/docker.ts'
import { greetingFlows, textAt } from '../support/answering-flow.ts'
import { docker } from '../support/docker-cli.ts'
import { bridge } from '../support/docker.ts'
import { asRecord, instanceManifest, setUpFleet } from '../support/fleet.ts'
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

const hello = async (container: string) => {
  const address = await docker(
    'inspect',
    '--format',
    `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
    container,
  )
  return textAt(`http://${address}:1880/hello`)
}

const name = 'a fleet in containers: from a commit to an answer, drift put back, and gone again'
t.test(name, { skip: withoutDocker }, async (t) => {
  t.teardown(async () => {
    for (const container of await containers()) {
      const uid = await docker('inspect', '--format', '{{index .Config.Labels "weir.uid"}}', container)
      await docker('rm', '--force', container)
      await docker('volume', 'rm', `weir-${uid}`)
    }
    await docker('network', 'rm', network)
  })
  const link = await engineLink()
  const fleet = await setUpFleet(t, configuration(link.socketPath), '0.0.0.0')
  t.teardown(() => link[Symbol.asyncDispose]())
  const manifest = (greeting: string, more = '') =>
    instanceManifest(
      'press',
      `hostname: press.example.com, endpoints: { access: public }, flows: { path: hello.json }, env: [ { name: GREETING, value: ${greeting} } ]${more}`,
    )
  await fleet.repository.write('hello.json', greetingFlows())
  await fleet.repository.write('press.yaml', manifest('hello'))
  await fleet.repository.write('rest.yaml', instanceManifest('rest', 'state: stopped'))
  await fleet.repository.commit('Add a press')

  const first = await fleet.run()
  t.equal(first.code, 0, first.stderr)
  const [press = '', rest = ''] = await containers()
  t.match([press, rest], [/^weir-press-/, /^weir-rest-/])
  t.equal(await docker('inspect', '--format', '{{.State.Status}}', rest), 'created')
  t.equal(await hello(press), 'hello')
  t.equal((await fleet.run('--dry-run')).code, 0, 'nothing is left to do')

  await fleet.serve()
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

  await fleet.repository.remove('press.yaml')
  await fleet.repository.commit('Remove the press')
  await until('it is gone', async () => !(await containers()).includes(press))
  const uid = String(asRecord(view)?.['uid'])
  await until(
    'with its data',
    async () => (await docker('volume', 'ls', '-q', '--filter', `name=${uid}`)) === '',
  )
})
