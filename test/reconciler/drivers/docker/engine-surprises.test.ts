import t from 'tap'
import { withoutDocker } from '../../../engines/docker.ts'
import { docker } from '../../../support/docker-cli.ts'
import { beginInstance, image, setUpDocker } from '../../../support/docker.ts'
import { engineLink } from '../../../support/engine-link.ts'
import { stack } from '../../../support/stack.ts'
import { until } from '../../../support/until.ts'

void t.test('on a Docker Engine', { skip: withoutDocker }, async (t) => {
  const under = await setUpDocker(t)
  const idOf = async ({ uid }: { readonly uid: string }) => (await under.containerOf(uid)).id
  const startedAt = async ({ uid }: { readonly uid: string }) =>
    (await (await under.containerOf(uid)).inspect()).State.StartedAt

  await t.test('an image that holds something else takes nothing down, and is said', async (t) => {
    const other = `${under.network}-other:5.0.7`
    const template = await docker('create', `${image.repository}:${image.nodeRed}`)
    await docker('commit', '--change', 'LABEL weir.node-red=4.1.2', template, other)
    await docker('rm', template)
    t.teardown(() => docker('rmi', other))
    const right = { nodeRed: '4.1.2', node: stack.node, image: other }
    const one = await beginInstance(t, under, { spec: { stack: right } })
    await one.create()
    await one.asExpected()
    const start = await startedAt(one.instance)
    const holds = 'Node-RED 4\\.1\\.2 on Node\\.js \\d+'
    const wrong = [
      [{ ...right, image: 'node:24-bookworm-slim' }, "is not one of Weir's, .*: name .*spec\\.image"],
      [{ ...right, image: `${image.repository}:5.0.7` }, 'holds Node-RED 5\\.0\\.7'],
      [
        { ...right, nodeRed: '5.0.7' },
        `the image ${other} holds ${holds}; the Stack says Node-RED 5\\.0\\.7`,
      ],
    ] as const
    for (const [stack, message] of wrong) {
      await t.rejects(one.update({ stack }), { reason: 'ImageWrong', message: new RegExp(message) })
      t.equal((await under.containersOf(one.instance.uid)).length, 1)
      await one.asExpected()
      t.equal(await startedAt(one.instance), start, 'what runs goes on')
    }
  })

  await t.test(
    'an answer that breaks off holds nobody, and a stream that falls silent is not believed',
    async (t) => {
      const link = await engineLink()
      t.teardown(() => link[Symbol.asyncDispose]())
      const one = await beginInstance(t, under, {
        spec: { state: 'stopped' },
        options: { docker: link.docker },
      })
      await one.create()
      link.mode = 'truncated'
      await t.rejects(one.driver.observe(AbortSignal.timeout(300)), { name: 'TimeoutError' })
      link.mode = 'up'
      t.match(await one.sight(), { kind: 'present', phase: 'stopped' })

      const stop = new AbortController()
      const events: unknown[] = []
      const watching = (async () => {
        for await (const event of one.driver.events?.(stop.signal) ?? []) events.push(event)
      })()
      const streams = () => link.calls.filter((call) => call === 'GET /events').length
      await until('it listens', () => streams() === 1)
      link.silence()
      link.mode = 'hung'
      await t.rejects(one.sight(), { name: 'DriverError', reason: 'EngineHung' })
      link.mode = 'up'
      await until('it listens again', () => streams() === 2)
      await docker('rename', await idOf(one.instance), `meanwhile-${one.instance.uid.slice(0, 8)}`)
      await until('that is told', () =>
        events.some((event) => JSON.stringify(event).includes(one.instance.uid)),
      )
      stop.abort()
      await watching
    },
  )

  await t.test(
    'a container that carries the id of the fleet and no usable uid shows, and can be pruned',
    async (t) => {
      const one = await beginInstance(t, under)
      const label = ['--label', `weir.fleet=${one.instance.fleet}`]
      const nobodys = await docker('create', ...label, `${image.repository}:${image.nodeRed}`)
      const uid = '../no uid'
      const odd = await docker(
        'create',
        ...label,
        '--label',
        `weir.uid=${uid}`,
        `${image.repository}:${image.nodeRed}`,
      )
      t.teardown(() => docker('rm', '--force', nobodys, odd).catch(() => undefined))
      const uids = async () => (await one.driver.observe(one.signal)).map((seen) => seen.uid)
      t.strictSame((await uids()).toSorted(), [uid, nobodys].toSorted())
      await one.driver.remove(nobodys, one.signal)
      t.strictSame(await uids(), [uid])
      await one.driver.remove(uid, one.signal)
      t.strictSame(await uids(), [])
    },
  )

  await t.test('a network taken from a container that was there before is told', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const link = await engineLink()
    t.teardown(() => link[Symbol.asyncDispose]())
    const later = under.makeDriver('fleet-a', { docker: link.docker })
    t.teardown(() => later[Symbol.asyncDispose]())
    const stop = new AbortController()
    const told: unknown[] = []
    const watching = (async () => {
      for await (const event of later.events?.(stop.signal) ?? []) told.push(event)
    })()
    await until('it listens', () => link.calls.includes('GET /events'))
    await later.observe(one.signal)
    await docker('network', 'disconnect', under.network, await idOf(one.instance))
    await until('that is told', () => told.some((event) => JSON.stringify(event).includes(one.instance.uid)))
    stop.abort()
    await watching
  })

  await t.test(
    'a volume that vanishes while its container is made is made with it, and is ours',
    async (t) => {
      const link = await engineLink()
      t.teardown(() => link[Symbol.asyncDispose]())
      const one = await beginInstance(t, under, { options: { docker: link.docker } })
      link.before = async (call) => {
        if (call.startsWith('POST /containers/create'))
          await docker('volume', 'rm', `weir-${one.instance.uid}`)
      }
      await one.create()
      link.before = async () => undefined
      await one.asExpected()
      await docker('rm', '--force', await idOf(one.instance))
      await one.update()
      await one.asExpected()
    },
  )
})
