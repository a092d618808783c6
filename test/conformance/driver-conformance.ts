import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import type { Driver } from '../../reconciler/drivers/driver.ts'
import type { Sighting } from '../../reconciler/model/observed-state.ts'
import type { Credentials, PlacedInstance } from '../../reconciler/model/placed-instance.ts'
import type { ResolvedInstance } from '../../reconciler/model/resource.ts'
import { until } from '../support/until.ts'

/** The engine itself, reached past the driver: what an operator, or an accident, does and sees. */
export interface DriverWorld {
  /** How many live objects serve this uid. */
  count(uid: string): Promise<number>
  /** All that the engine holds, in a form that can be compared. */
  snapshot(): Promise<unknown>
  /** Leaves something in the instance's data. */
  mark(uid: string): Promise<void>
  isMarked(uid: string): Promise<boolean>
  /** Kills its process, without a word. */
  kill(uid: string): Promise<void>
  /** Deletes the object itself, with its data, while it runs. */
  destroy(uid: string): Promise<void>
  /** Stops it by its own door. */
  stopFromWithin(uid: string): Promise<void>
  hang(uid: string, hung: boolean): Promise<void>
}

export interface DriverHarness {
  readonly name: string
  readonly makeDriver: (fleet: string) => Driver
  /** An instance that the engine can bring about; the same uid and port where `like` is given. */
  readonly makeInstance: (request: {
    readonly fleet: string
    readonly spec?: Partial<ResolvedInstance>
    readonly like?: PlacedInstance
  }) => Promise<PlacedInstance>
  readonly credentials: (instance: PlacedInstance) => Credentials
  readonly world: DriverWorld
}

const fleet = 'fleet-a'
const otherFleet = 'fleet-b'

interface Suite extends DriverHarness {
  readonly driver: Driver
  readonly signal: AbortSignal
  /** Makes an instance, brings it about, waits until it is as expected, and removes it when the test ends. */
  started(t: Test, spec?: Partial<ResolvedInstance>): Promise<PlacedInstance>
  create(instance: PlacedInstance, driver?: Driver): Promise<void>
  update(before: PlacedInstance, instance: PlacedInstance): Promise<void>
  sight(uid: string, driver?: Driver): Promise<Sighting | undefined>
  /** Settles when the observation shows all that is expected. */
  asExpected(instance: PlacedInstance, driver?: Driver): Promise<void>
}

/** What every driver keeps to, against its real engine. */
export async function driverConformance(t: Test, harness: DriverHarness): Promise<void> {
  const suite = makeSuite(t, harness)
  for (const [name, clause] of clauses) await t.test(`${harness.name}: ${name}`, (t) => clause(t, suite))
}

function makeSuite(t: Test, harness: DriverHarness): Suite {
  const driver = harness.makeDriver(fleet)
  t.teardown(() => driver[Symbol.asyncDispose]())
  const { signal } = new AbortController()
  const sight = async (uid: string, from = driver) =>
    (await from.observe(signal)).find((sighting) => sighting.uid === uid)
  const create = (instance: PlacedInstance, by = driver) =>
    by.create(instance, harness.credentials(instance), signal)

  async function asExpected(instance: PlacedInstance, from = driver): Promise<void> {
    const expected = from.expected(instance)
    let last: Sighting | undefined
    const seen = async () => {
      last = await sight(instance.uid, from)
      if (last?.kind !== 'present' || last.phase !== instance.spec.state) return false
      const { fields } = last
      return Object.entries(expected).every(([path, value]) => isDeepStrictEqual(fields[path], value))
    }
    await until('the instance as expected', seen).catch((cause: unknown) => {
      throw new Error(`expected ${JSON.stringify(expected)}, observed ${JSON.stringify(last)}`, { cause })
    })
  }

  return {
    ...harness,
    driver,
    signal,
    sight,
    create,
    asExpected,
    update: (before, instance) => driver.update(before, instance, harness.credentials(instance), signal),
    async started(t, spec = {}) {
      const instance = await harness.makeInstance({ fleet, spec })
      t.teardown(() => driver.remove(instance.uid, signal))
      await create(instance)
      await asExpected(instance)
      return instance
    },
  }
}

type Clause = (t: Test, suite: Suite) => Promise<void>

const clauses: readonly (readonly [string, Clause])[] = [
  [
    'what was created is observed as expected; observing changes nothing; remove leaves nothing; all may be repeated',
    async (t, { driver, world, signal, ...suite }) => {
      const instance = await suite.started(t)
      t.match(await suite.sight(instance.uid), { phase: 'running', name: instance.spec.name })
      await world.mark(instance.uid)

      const before = await world.snapshot()
      await driver.observe(signal)
      t.strictSame(await world.snapshot(), before)

      await suite.create(instance)
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
      t.ok(await world.isMarked(instance.uid))

      await driver.remove(instance.uid, signal)
      t.equal(await suite.sight(instance.uid), undefined)
      t.equal(await world.count(instance.uid), 0)
      t.notOk(await world.isMarked(instance.uid))
      await driver.remove(instance.uid, signal)
    },
  ],
  [
    'an update keeps the identity and brings the change; stop and start',
    async (t, { world, ...suite }) => {
      const instance = await suite.started(t)
      await world.mark(instance.uid)
      const next = async (before: PlacedInstance, spec: Partial<ResolvedInstance>) => {
        const after = await suite.makeInstance({ fleet, like: before, spec: { ...before.spec, ...spec } })
        await suite.update(before, after)
        await suite.asExpected(after)
        t.ok(await world.isMarked(instance.uid))
        return after
      }

      const changed = await next(instance, { env: { SITE: { value: 'berlin' } } })
      t.not(changed.settings, instance.settings)
      const renamed = await next(changed, { name: `${changed.spec.name}-renamed` })
      t.match(await suite.sight(instance.uid), { name: renamed.spec.name })
      const stopped = await next(renamed, { state: 'stopped' })
      t.equal(await world.count(instance.uid), 0)
      t.match(await suite.sight(instance.uid), { phase: 'stopped' })
      await next(stopped, { state: 'running' })
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'an instance that is declared stopped is there, without a process',
    async (t, { world, ...suite }) => {
      const instance = await suite.started(t, { state: 'stopped' })
      t.equal(await world.count(instance.uid), 0)
      t.match(await suite.sight(instance.uid), { kind: 'present', phase: 'stopped' })
    },
  ],
  [
    'instances outlive their driver and are adopted by the next',
    async (t, { world, signal, ...suite }) => {
      const instance = await suite.started(t)
      const first = suite.makeDriver(fleet)
      await first.observe(signal)
      await first[Symbol.asyncDispose]()
      await t.rejects(first.observe(signal), 'a driver that was disposed does nothing any more')
      const second = suite.makeDriver(fleet)
      t.teardown(() => second[Symbol.asyncDispose]())
      await suite.asExpected(instance, second)
      await suite.create(instance, second)
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'what was killed from outside is noticed, shown as stopped, and repaired',
    async (t, { driver, world, ...suite }) => {
      const instance = await suite.started(t)
      await world.mark(instance.uid)
      const stop = new AbortController()
      const events = driver.events?.(stop.signal)[Symbol.asyncIterator]()
      const noticed = events?.next()
      await world.kill(instance.uid)
      if (noticed !== undefined) t.strictSame((await noticed).value, { uid: instance.uid })
      stop.abort()
      t.match(await suite.sight(instance.uid), {
        kind: 'present',
        phase: 'stopped',
        fields: { state: 'stopped' },
      })
      await suite.update(instance, instance)
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
      t.ok(await world.isMarked(instance.uid))
    },
  ],
  [
    'what was deleted from outside is noticed and made anew',
    async (t, { driver, world, ...suite }) => {
      const instance = await suite.started(t)
      await world.destroy(instance.uid)
      const seen = await suite.sight(instance.uid)
      const expected = driver.expected(instance)
      const same =
        seen?.kind === 'present' &&
        Object.entries(seen.fields).every(([path, value]) => isDeepStrictEqual(expected[path], value))
      t.notOk(same, 'it is absent, or what is left differs from what is expected')
      await suite.update(instance, instance)
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'what was stopped by its own door is shown as stopped, and started again',
    async (t, { world, ...suite }) => {
      const instance = await suite.started(t)
      await world.stopFromWithin(instance.uid)
      await until('stopped', async () => {
        const seen = await suite.sight(instance.uid)
        return seen?.kind === 'present' && seen.fields['state'] === 'stopped'
      })
      await suite.update(instance, instance)
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'fleets do not see or touch each other',
    async (t, { driver, world, signal, ...suite }) => {
      const mine = await suite.started(t)
      const theirs = await suite.makeInstance({ fleet: otherFleet })
      const other = suite.makeDriver(otherFleet)
      t.teardown(async () => {
        await other.remove(theirs.uid, signal)
        await other[Symbol.asyncDispose]()
      })
      await suite.create(theirs, other)
      await suite.asExpected(theirs, other)
      t.equal(await suite.sight(theirs.uid), undefined)
      t.equal(await suite.sight(mine.uid, other), undefined)

      const claim = { ...theirs, fleet }
      const refusal: unknown = await suite.create(claim).catch((error: unknown) => error)
      t.match(refusal, { name: 'DriverError', reason: 'NotOurs' })
      await driver.remove(theirs.uid, signal)
      t.equal(await world.count(theirs.uid), 1)
      await suite.asExpected(theirs, other)
    },
  ],
  [
    'two calls at once are one object',
    async (t, { world, ...suite }) => {
      const instance = await suite.makeInstance({ fleet })
      t.teardown(() => suite.driver.remove(instance.uid, suite.signal))
      await Promise.all([suite.create(instance), suite.create(instance)])
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'an abort rejects at once, and what it leaves can be observed and taken up',
    async (t, { driver, world, ...suite }) => {
      const instance = await suite.makeInstance({ fleet })
      t.teardown(() => driver.remove(instance.uid, suite.signal))
      await t.rejects(driver.observe(AbortSignal.abort()), { name: 'AbortError' })
      // At once, and again as soon as there is something of it.
      for (const moment of [async () => undefined, async () => (await world.count(instance.uid)) > 0]) {
        const stop = new AbortController()
        let done = false
        const creating = driver
          .create(instance, suite.credentials(instance), stop.signal)
          .catch((error: unknown) => error)
          .finally(() => (done = true))
        await until('the moment to abort', async () => done || (await moment()) !== false)
        stop.abort()
        const failure = await creating
        if (failure !== undefined) t.match(failure, { name: 'AbortError' })
        await driver.observe(suite.signal)
      }
      await suite.create(instance)
      await suite.asExpected(instance)
      t.equal(await world.count(instance.uid), 1)
    },
  ],
  [
    'one that hangs is unknown, not absent, and keeps no other waiting; it can be replaced or removed',
    async (t, { driver, world, signal, ...suite }) => {
      const hanging = await suite.started(t)
      const sound = await suite.started(t)
      await world.hang(hanging.uid, true)
      t.match(await suite.sight(hanging.uid), { kind: 'unknown', cause: String })
      t.match(await suite.sight(sound.uid), { kind: 'present', phase: 'running' })
      await suite.update(hanging, hanging)
      await suite.asExpected(hanging)
      t.equal(await world.count(hanging.uid), 1)
      await world.hang(hanging.uid, true)
      await driver.remove(hanging.uid, signal)
      t.equal(await world.count(hanging.uid), 0)
    },
  ],
  [
    'no secret in what it observes, expects, logs or throws',
    async (t, { driver, signal, ...suite }) => {
      const instance = await suite.started(t)
      const { runtimeToken, adminToken } = suite.credentials(instance)
      const lines: unknown[] = []
      for await (const line of driver.logs?.(instance.uid, { tail: 100, follow: false }, signal) ?? [])
        lines.push(line)
      t.ok(lines.length > 0 || driver.logs === undefined)
      const shown = JSON.stringify([await driver.observe(signal), driver.expected(instance), lines])
      for (const secret of [runtimeToken, adminToken]) t.notMatch(shown, secret.reveal())
    },
  ],
]
