import t from 'tap'
import { withoutDocker } from '../../../engines/docker.ts'
import { docker } from '../../../support/docker-cli.ts'
import { beginInstance, setUpDocker } from '../../../support/docker.ts'
import { engineLink } from '../../../support/engine-link.ts'
import { until } from '../../../support/until.ts'

void t.test('on a Docker Engine that is cut off', { skip: withoutDocker }, async (t) => {
  const under = await setUpDocker(t)
  const { world } = under
  const idOf = async ({ uid }: { readonly uid: string }) => (await under.containerOf(uid)).id
  const startedAt = async ({ uid }: { readonly uid: string }) =>
    (await (await under.containerOf(uid)).inspect()).State.StartedAt

  await t.test(
    'a replacement that was cut short at any point ends in one container with the data',
    async (t) => {
      const one = await beginInstance(t, under)
      await one.create()
      await one.asExpected()
      await world.mark(one.instance.uid)
      let hosts = 0
      for (const call of [/containers\/create/, /\/stop$/, /\/start$/, /exec/]) {
        await using link = await engineLink()
        const driver = under.makeDriver('fleet-a', { docker: link.docker })
        hosts += 1
        const changed = await under.makeInstance({
          fleet: 'fleet-a',
          like: one.instance,
          spec: { ...one.instance.spec, hostnames: [`h${hosts}.example.com`] },
        })
        const updating = driver
          .update(one.instance, changed, under.credentials(changed), one.signal)
          .catch((error: unknown) => error)
        await until('that call was made', () => link.calls.some((each) => call.test(each)))
        link.cut('down')
        t.match(await updating, { name: 'DriverError', reason: 'EngineUnreachable' })
        await driver[Symbol.asyncDispose]()
        t.ok((await world.count(one.instance.uid)) <= 1, 'never two at once')

        await one.update(changed.spec)
        await one.asExpected(changed)
        t.equal((await under.containersOf(one.instance.uid)).length, 1)
        t.ok(await world.isMarked(one.instance.uid))
      }
    },
  )

  await t.test(
    'an engine that is gone or hangs costs an error that names it, and nothing else',
    async (t) => {
      const link = await engineLink()
      t.teardown(() => link[Symbol.asyncDispose]())
      const one = await beginInstance(t, under, { options: { docker: link.docker } })
      await one.create()
      await one.asExpected()
      const start = await startedAt(one.instance)
      const stop = new AbortController()
      const events: unknown[] = []
      const watching = (async () => {
        for await (const event of one.driver.events?.(stop.signal) ?? []) events.push(event)
      })()
      await until('it listens', () => link.calls.includes('GET /events'))

      link.cut('down')
      await t.rejects(one.sight(), { name: 'DriverError', reason: 'EngineUnreachable' })
      link.cut('hung')
      const impatient = AbortSignal.timeout(300)
      await t.rejects(one.driver.observe(impatient), { name: 'TimeoutError' })
      await docker('rename', await idOf(one.instance), `meanwhile-${one.instance.uid.slice(0, 8)}`)
      link.cut('down')
      link.mode = 'up'
      await until('one look is asked for', () => events.some((event) => JSON.stringify(event) === '{}'))
      t.strictSame(await one.drift(), ['container.name'])
      await one.update()
      await one.asExpected()
      t.equal(await startedAt(one.instance), start)
      stop.abort()
      await watching
    },
  )

  await t.test(
    'a look at what has not changed takes three calls of the engine at most, once it was seen',
    async (t) => {
      const link = await engineLink()
      t.teardown(() => link[Symbol.asyncDispose]())
      const one = await beginInstance(t, under, { options: { docker: link.docker } })
      const others = await Promise.all(
        [0, 1, 2, 3].map(async () => under.makeInstance({ fleet: 'fleet-a', spec: { state: 'stopped' } })),
      )
      for (const other of others) await one.driver.create(other, under.credentials(other), one.signal)
      await one.create()
      await one.asExpected()
      const stop = new AbortController()
      const seen: unknown[] = []
      const watching = (async () => {
        for await (const event of one.driver.events?.(stop.signal) ?? []) seen.push(event)
      })()
      await until('it listens', () => link.calls.includes('GET /events'))
      await until('looks take three calls', async () => {
        link.calls.length = 0
        await one.driver.observe(one.signal)
        return link.calls.length <= 3
      })

      await docker('update', '--memory', '100m', '--memory-swap', '100m', await idOf(one.instance))
      await until('that is told', () =>
        seen.some((event) => Reflect.get(Object(event), 'uid') === one.instance.uid),
      )
      t.strictSame(await one.drift(), ['container.memory'], 'what was remembered is not believed any more')
      stop.abort()
      await watching
      for (const other of others) await one.driver.remove(other.uid, one.signal)
    },
  )
})
