import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startOwnDocker, withoutOwnDocker } from '../engines/own-docker.ts'
import { openEditor } from '../support/editor.ts'
import { instanceManifest, password, setUpFleet } from '../support/fleet.ts'
import { until } from '../support/until.ts'

const network = `weir-test-${randomUUID().slice(0, 8)}`
const names = ['a', 'b', 'c']
const flows = (label: string) => [{ id: 'tab1', type: 'tab', label, disabled: false, info: '', env: [] }]
/** For several instances that start at once on a machine that has other things to do. */
const patience = { within: 240_000, every: 100 }

const skip = withoutOwnDocker
t.test('a fleet whose engine is stopped, killed, and out of disk', { skip }, async (t) => {
  const engine = await startOwnDocker(t)
  const fleet = await setUpFleet(
    t,
    `driver: docker
docker: { host: "${engine.host}", network: ${network} }
`,
    '0.0.0.0',
  )
  const declare = async (declared: readonly string[], host: string) => {
    for (const name of declared)
      await fleet.repository.write(`${name}.yaml`, instanceManifest(name, `hostname: ${name}.${host}`))
    await fleet.repository.commit(`${host} for ${declared.join(', ')}`)
  }
  const list = async (what: readonly string[], format: string) => {
    const lines = await engine.docker(...what, '--filter', 'label=weir.fleet', '--format', format)
    return lines === '' ? [] : lines.split('\n').toSorted()
  }
  const containers = async () => list(['ps', '--all'], '{{.Label "weir.name"}} {{.Names}} {{.State}}')
  const editorOf = async (name: string) => {
    const container = await engine.docker('ps', '--quiet', '--filter', `label=weir.name=${name}`)
    const field = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
    const address = await engine.docker('inspect', '--format', field, container)
    const { url } = await fleet.ready(name)
    return openEditor({ url: String(url), at: `http://${address}:1880/` }, 'alice', password)
  }
  const stored = async (name: string) => (await fleet.run('flows', 'export', name)).stdout
  /** What somebody is told who asks for the instance, and who reads the log. */
  const told = async (name: string, condition: RegExp, line: RegExp) => {
    await until(`a condition of ${name} says ${condition}`, async () =>
      condition.test(JSON.stringify((await fleet.instance(name))?.['conditions'])),
    )
    await until(`a line of the log says ${line}`, async () =>
      (await fleet.log()).split('\n').some((each) => line.test(each)),
    )
  }
  const converged = async (declared: readonly string[], label: string) => {
    await until(
      `${declared.join(', ')} are ready`,
      async () => {
        const views = await Promise.all(declared.map(async (name) => fleet.instance(name)))
        return views.every((view) => view?.['ready'] === true && view['drifted'] === false)
      },
      patience,
    )
    const now = await containers()
    t.strictSame(
      now.map((line) => line.replace(/-[0-9a-f]{8} /, ' ')),
      declared.map((name) => `${name} weir-${name} running`),
      'one container of each, under its name',
    )
    t.equal((await list(['volume', 'ls'], '{{.Name}}')).length, declared.length, 'and one volume')
    t.match(await (await editorOf('a')).flows(), flows(label), 'no flow is lost')
  }

  await declare(['a'], 'example.com')
  const serving = await fleet.serve()
  await until('a is ready', async () => (await fleet.instance('a'))?.['ready'], patience)
  t.match(await (await editorOf('a')).deploy(flows('before')), { status: 200 })

  await t.test('stopped while several instances are made', async () => {
    await declare(names, 'example.com')
    await until('one is being made', async () => (await containers()).length > 1)
    await engine.stop('SIGTERM')
    const unreachable = /the engine cannot be reached: connect E\w+ \/tmp\/weir-docker-\w+\/docker\.sock/
    for (const name of names) await told(name, unreachable, unreachable)
    await engine.start()
    await converged(names, 'before')
  })

  await t.test('killed while several are replaced', async () => {
    const editor = await editorOf('a')
    await declare(['b', 'c'], 'example.org')
    await until('one is being replaced', async () => (await containers()).length > names.length)
    await engine.stop('SIGKILL')
    t.match(await editor.deploy(flows('meanwhile')), { status: 200 }, 'what runs goes on without it')
    await until('what was deployed meanwhile is in the store', async () =>
      /meanwhile/.test(await stored('a')),
    )
    await told('a', /the engine cannot be reached/, /"msg":"action failed"/)
    await engine.start()
    await converged(names, 'meanwhile')
  })

  await t.test('out of disk', async () => {
    const editor = await editorOf('a')
    await engine.fill()
    const deployed = await editor.deploy(flows('while it is full'))
    t.match(deployed, { status: 200 }, 'what runs goes on')
    await declare(['d'], 'example.com')
    await told(
      'd',
      /"EngineDiskFull".*the disk of the engine is full: .*no space left on device/,
      /"instance":"d".*the disk of the engine is full: .*no space left on device.*"msg":"action failed"/,
    )
    await until('that is in the store', async () => /while it is full/.test(await stored('a')))
    await engine.free()
    await converged([...names, 'd'], 'while it is full')
  })

  t.equal(serving.exitCode, null, 'it is the same process')
  t.match(await fleet.run('--dry-run'), { code: 0 }, 'nothing is left to do')
})
