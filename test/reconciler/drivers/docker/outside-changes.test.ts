import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { containerName } from '../../../../reconciler/drivers/docker/container-spec.ts'
import { withoutDocker } from '../../../engines/docker.ts'
import { docker } from '../../../support/docker-cli.ts'
import { beginInstance, image, setUpDocker } from '../../../support/docker.ts'
import { engineLink } from '../../../support/engine-link.ts'
import { until } from '../../../support/until.ts'

const log = { maxSize: '1m', maxFiles: 1 }

void t.test('on a Docker Engine', { skip: withoutDocker }, async (t) => {
  const under = await setUpDocker(t)
  const { world, engine } = under
  const idOf = async ({ uid }: { readonly uid: string }) => (await under.containerOf(uid)).id
  const startedAt = async ({ uid }: { readonly uid: string }) =>
    (await (await under.containerOf(uid)).inspect()).State.StartedAt

  await t.test('what was changed by hand and can be put back in place is, and nobody feels it', async (t) => {
    const one = await beginInstance(t, under, { spec: { resources: { memory: '256Mi', cpu: '500m' } } })
    await one.create()
    await one.asExpected()
    const id = await idOf(one.instance)
    const start = await startedAt(one.instance)
    const other = `${under.network}-other`
    await docker('network', 'create', other)
    t.teardown(() => docker('network', 'rm', other))
    const changes = {
      'container.memory': ['update', '--memory', '128m', '--memory-swap', '128m', id],
      'container.swap': ['update', '--memory-swap', '-1', id],
      'container.pids': ['update', '--pids-limit', '60', id],
      'container.cpu': ['update', '--cpus', '1.5', id],
      'container.restart': ['update', '--restart', 'no', id],
      'container.name': ['rename', id, `by-hand-${id.slice(0, 8)}`],
      'container.networks': ['network', 'connect', other, id],
    }
    for (const [path, words] of Object.entries(changes)) {
      await docker(...words)
      t.strictSame(await one.drift(), [path])
      await one.update()
      await one.asExpected()
    }
    await docker('network', 'disconnect', under.network, id)
    t.strictSame(await one.drift(), ['container.networks'])
    await one.update()
    await one.asExpected()
    await docker('network', 'disconnect', under.network, id)
    await docker('network', 'connect', '--alias', 'press.example.com', under.network, id)
    t.strictSame(await one.drift(), ['container.aliases'])
    await one.update()
    await one.asExpected()
    t.equal(await idOf(one.instance), id, 'it is the same container')
    t.equal(await startedAt(one.instance), start, 'and it was not started again')
  })

  await t.test(
    'limits that cannot be lifted in place, and what nobody declared, take another container',
    async (t) => {
      const one = await beginInstance(t, under)
      await one.create()
      await one.asExpected()
      await world.mark(one.instance.uid)
      const limits = [
        ['--cpuset-cpus', '0'],
        ['--cpu-shares', '2'],
        ['--memory-reservation', '32m'],
        ['--cpu-quota', '50000'],
      ]
      for (const limit of limits) await docker('update', ...limit, await idOf(one.instance))
      t.strictSame(await one.drift(), ['container.otherLimits'])
      t.match(await one.sight(), {
        fields: {
          'container.otherLimits': [
            'cpu-quota 50000',
            'cpu-shares 2',
            'cpuset-cpus 0',
            /^memory-reservation/,
          ],
        },
      })
      await one.update()
      await one.asExpected()

      const { uid, fleet } = one.instance
      const label = ['--label', `weir.fleet=${fleet}`, '--label', `weir.uid=${uid}`]
      const shared = [
        '--pid',
        'host',
        '--ipc',
        'host',
        '--uts',
        'host',
        '--group-add',
        '0',
        '--device',
        '/dev/null',
      ]
      const more = [
        '--security-opt',
        'systempaths=unconfined',
        '--dns',
        '192.0.2.1',
        '--no-healthcheck',
        '--env',
        'NODE_OPTIONS=--inspect',
      ]
      await docker('rm', '--force', await idOf(one.instance))
      const place = ['--network', under.network, '--volume', `weir-${uid}:/data`]
      await docker(
        'run',
        '--detach',
        ...label,
        ...place,
        ...shared,
        ...more,
        `${image.repository}:${image.nodeRed}`,
      )
      const seen = await one.sight()
      t.match(seen, {
        fields: {
          'container.dns': ['192.0.2.1'],
          'container.overrides': ['env NODE_OPTIONS', 'healthcheck'],
        },
      })
      t.strictSame(seen?.kind === 'present' && seen.fields['container.privileges'], [
        // What the engine gives to one that shares processes with the machine.
        'label=disable',
        'pid host',
        'ipc host',
        'uts host',
        'group 0',
        'device /dev/null',
        'paths unmasked',
      ])
      await one.update()
      await one.asExpected()
      t.equal((await under.containersOf(uid)).length, 1)
      t.ok(await world.isMarked(uid))
    },
  )

  await t.test('containers of one port are not taken for instances that share it', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const seen = await one.sight()
    t.notOk(seen?.kind === 'present' && 'port' in seen.fields)
  })

  await t.test('one that was paused goes on', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const start = await startedAt(one.instance)
    await docker('pause', await idOf(one.instance))
    t.strictSame(await one.drift(), ['state'])
    await one.update()
    await one.asExpected()
    t.equal(await startedAt(one.instance), start)
  })

  await t.test(
    'one that the engine started again by itself runs without being told what it is',
    async (t) => {
      const one = await beginInstance(t, under)
      await one.create()
      await one.asExpected()
      await world.mark(one.instance.uid)
      const container = await under.containerOf(one.instance.uid)
      const { State } = await container.inspect()
      process.kill(State.Pid, 'SIGKILL')
      await until('the engine has started it', async () => {
        const now = (await container.inspect()).State
        return now.Running && now.StartedAt !== State.StartedAt
      })
      await one.asExpected()
      const { Pid } = (await container.inspect()).State
      await one.update()
      await one.asExpected()
      t.equal((await container.inspect()).State.Pid, Pid, 'nor is it started again to be told')
      t.equal(await world.count(one.instance.uid), 1)
      t.ok(await world.isMarked(one.instance.uid))
    },
  )

  await t.test('one that does not know any more what it is waits, and is told once more', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const container = await under.containerOf(one.instance.uid)
    await docker('exec', container.id, 'rm', '/data/bootstrap.json')
    await docker('restart', container.id)
    t.match(await one.sight(), { kind: 'present', phase: 'starting', fields: { launchers: 0 } })
    await one.update()
    await one.asExpected()
    t.equal((await under.containerOf(one.instance.uid)).id, container.id)
  })

  await t.test('one that runs on former tokens is told those of now', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const { id } = await under.containerOf(one.instance.uid)
    const spoil = `sed -i 's/"adminToken":"[^"]*"/"adminToken":"former"/' /data/bootstrap.json`
    await docker('exec', id, 'sh', '-c', spoil)
    await docker('restart', id)
    await until('it runs on those', async () => JSON.stringify(await one.sight()).includes('does not know'))
    await one.update()
    await one.asExpected()
    t.equal((await under.containerOf(one.instance.uid)).id, id)
  })

  await t.test('one that the engine does not start any more is replaced, and its data kept', async (t) => {
    const link = await engineLink()
    t.teardown(() => link[Symbol.asyncDispose]())
    const one = await beginInstance(t, under, { options: { docker: link.docker } })
    await one.create()
    await one.asExpected()
    await world.mark(one.instance.uid)
    const before = await idOf(one.instance)
    await docker('stop', before)
    link.refused = new RegExp(`${before}/start$`)
    await one.update()
    await one.asExpected()
    t.not(await idOf(one.instance), before)
    t.equal((await under.containersOf(one.instance.uid)).length, 1)
    t.ok(await world.isMarked(one.instance.uid))

    await docker('stop', await idOf(one.instance))
    link.refused = /\/start$/
    for (const _ of [1, 2]) {
      await t.rejects(one.update(), { name: 'DriverError', reason: 'StartRefused', message: /refused/ })
      t.equal((await under.containersOf(one.instance.uid)).length, 1, 'not one more each time')
    }
    link.refused = undefined
    await one.update()
    await one.asExpected()
    t.equal((await under.containersOf(one.instance.uid)).length, 1)
  })

  await t.test('its volume was deleted with its container: both are made anew', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    await world.destroy(one.instance.uid)
    t.equal(await one.sight(), undefined)
    await one.update()
    await one.asExpected()
    t.equal(await world.count(one.instance.uid), 1)
  })

  await t.test('an image that is missing is said, what runs goes on, and its data is kept', async (t) => {
    const repository = `${under.network}-image`
    const tag = async () =>
      docker('tag', `${image.repository}:${image.nodeRed}`, `${repository}:${image.nodeRed}`)
    await tag()
    t.teardown(() => docker('rmi', `${repository}:${image.nodeRed}`))
    const policy = {
      network: under.network,
      image: repository,
      runtimeUrl: 'http://172.17.0.1:1',
      log,
    }
    const one = await beginInstance(t, under, { options: { policy } })
    await one.create()
    await until('its launcher answers', async () => (await one.sight())?.kind === 'present')
    await world.mark(one.instance.uid)
    const before = await idOf(one.instance)

    await docker('rmi', `${repository}:${image.nodeRed}`)
    const hostnames = ['press.example.com']
    await t.rejects(one.update({ hostnames }), {
      name: 'DriverError',
      reason: 'ImageMissing',
      message: new RegExp(`no image ${repository}:5.0.7`),
    })
    t.equal(await idOf(one.instance), before)
    t.equal(await world.count(one.instance.uid), 1)

    await tag()
    await one.update({ hostnames })
    t.not(await idOf(one.instance), before)
    t.equal((await under.containersOf(one.instance.uid)).length, 1)
    t.ok(await world.isMarked(one.instance.uid))
    const { Config, Name } = await (await under.containerOf(one.instance.uid)).inspect()
    t.ok(Config.Env.includes('VIRTUAL_HOST=press.example.com'))
    t.equal(Name, `/${containerName(one.instance.spec.name, one.instance.uid)}`)
  })

  await t.test('a container or volume that is not ours is left alone, whatever its name', async (t) => {
    const one = await beginInstance(t, under)
    const name = containerName(one.instance.spec.name, one.instance.uid)
    const foreign = await engine.createContainer({ name, Image: `${image.repository}:${image.nodeRed}` })
    t.teardown(() => foreign.remove({ force: true }).catch(() => undefined))
    t.equal(await one.sight(), undefined)
    await t.rejects(one.create(), { name: 'DriverError', reason: 'NameTaken', message: new RegExp(name) })
    await one.driver.remove(one.instance.uid, one.signal)
    t.equal((await foreign.inspect()).Id, foreign.id)
    await foreign.remove({ force: true })

    const volume = `weir-${one.instance.uid}`
    await docker('volume', 'create', volume)
    await t.rejects(one.create(), { name: 'DriverError', reason: 'NotOurs', message: new RegExp(volume) })
    await one.driver.remove(one.instance.uid, one.signal)
    t.equal(await docker('volume', 'ls', '--quiet', '--filter', `name=${volume}`), volume)
  })

  await t.test(
    'no secret is in what the engine shows of a container, its history or its events',
    async (t) => {
      const one = await beginInstance(t, under, { spec: { env: { KEY: { value: 'canary-of-env' } } } })
      const since = Math.floor(Date.now() / 1000) - 1
      await one.create()
      await one.asExpected()
      await one.update()
      const container = await under.containerOf(one.instance.uid)
      const inspected = await container.inspect()
      const executions = await Promise.all(
        (inspected.ExecIDs ?? []).map(async (id) => engine.getExec(id).inspect()),
      )
      await wait(1100)
      const shown = [
        JSON.stringify([inspected, executions, await container.top(), await container.changes()]),
        await docker('history', '--no-trunc', inspected.Image),
        await docker('events', '--since', String(since), '--until', String(Math.floor(Date.now() / 1000))),
        await docker('logs', container.id),
        await docker('exec', container.id, 'sh', '-c', 'cat /proc/1/environ /proc/[0-9]*/cmdline'),
      ].join('\n')
      t.match(shown, one.instance.uid)
      const { runtimeToken, adminToken } = under.credentials(one.instance)
      for (const secret of [runtimeToken.reveal(), adminToken.reveal(), 'canary-of-env', 'canary-credential'])
        t.notMatch(shown, secret)
      const mount = await docker(
        'exec',
        container.id,
        'sh',
        '-c',
        'stat -c %a:%U /run/weir/launcher.json; stat -f -c %T /run/weir',
      )
      t.equal(mount, '600:node\ntmpfs')
    },
  )
})
