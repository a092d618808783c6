import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { DoorDeps } from '../../reconciler/api/deps.ts'
import { listen } from '../../reconciler/api/server.ts'
import { createAuthenticate } from '../../reconciler/identity/authenticate.ts'
import type { FleetEvent } from '../../reconciler/status/fleet-status.ts'
import { createFeed, desiredState, fleetStatus, now, plan, tokens } from '../support/fleet-fixture.ts'
import { basic, bearer, derive, hashes, openDoors } from '../support/door-fixture.ts'
import { until } from '../support/until.ts'

async function openListening(t: Test, heartbeat = 60_000, more: Partial<DoorDeps> = {}) {
  const doors = await openDoors(t, { heartbeat, ...more })
  return { ...doors, url: await listen(doors.server, { host: '127.0.0.1', port: 0 }) }
}

/** Reads a streamed answer piece by piece. */
function reader(response: Response) {
  const body = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    /** Reads until the text so far matches; false when the stream ends first. */
    async until(pattern: RegExp): Promise<boolean> {
      while (!pattern.test(text)) {
        const { done, value } = (await body?.read()) ?? { done: true, value: undefined }
        if (done) return false
        text += value ?? ''
      }
      return true
    },
    text: () => text,
  }
}

function acted(instance: string): FleetEvent {
  return { type: 'action', instance, action: 'restart', stage: 'begun', at: now, message: 'because' }
}

t.test('headers say little and forbid much', async (t) => {
  const { url } = await openListening(t)
  const { headers, status } = await fetch(`${url}/api/v1/fleet`, { headers: basic('root') })
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(headers.get('content-security-policy'), /default-src 'self'/)
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  for (const absent of ['server', 'x-powered-by', 'access-control-allow-origin'])
    t.equal(headers.get(absent), null)
})

t.test('HEAD says whether there is something', async (t) => {
  const { url } = await openListening(t)
  t.equal(
    (await fetch(`${url}/api/v1/instances/press`, { method: 'HEAD', headers: basic('alice') })).status,
    200,
  )
  t.equal(
    (await fetch(`${url}/api/v1/instances/wrapper`, { method: 'HEAD', headers: basic('alice') })).status,
    404,
  )
  t.equal((await fetch(`${url}/api/v1/events`, { method: 'HEAD', headers: basic('alice') })).status, 404)
})

t.test('the log comes as lines of JSON, and follows until its reader goes', async (t) => {
  const { url, logSignals } = await openListening(t)
  const short = await fetch(`${url}/api/v1/instances/press/logs?tail=2`, { headers: basic('alice') })
  t.match(short.headers.get('content-type'), /^application\/x-ndjson/)
  t.same(
    (await short.text())
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
    [
      { at: now, source: 'node-red', text: 'line 0' },
      { at: now, source: 'node-red', text: 'line 1' },
    ],
  )
  const leaving = new AbortController()
  const { signal } = leaving
  const long = await fetch(`${url}/api/v1/instances/press/logs?follow=true`, {
    headers: basic('alice'),
    signal,
  })
  t.ok(await reader(long).until(/line 2[\s\S]*news 3/))
  leaving.abort()
  await until('every log has been left', () => logSignals.every((one) => one.aborted))
})

t.test('events reach those whom they concern', async (t) => {
  const { url, emit, listeners } = await openListening(t)
  const people = { root: basic('root'), alice: basic('alice'), dora: basic('dora') }
  const readers = new Map<string, ReturnType<typeof reader>>()
  for (const [name, headers] of Object.entries(people)) {
    const response = await fetch(`${url}/api/v1/events`, { headers })
    t.match(response.headers.get('content-type'), /^text\/event-stream/)
    readers.set(name, reader(response))
  }
  await until('all three listen', () => listeners.size === 3)
  const { instances } = fleetStatus()
  emit(acted('wrapper'))
  emit({ type: 'plan', plan: plan() })
  for (const record of instances.values()) emit({ type: 'status', record })
  emit(acted('press'))
  emit({ type: 'revision', revision: { id: 'last', kind: 'commit' } })
  for (const [name, events] of readers) {
    t.ok(await events.until(/"id":"last"[^\n]*\n\n/), name)
    t.equal(/wrapper/.test(events.text()), name === 'root', `${name} and the other team`)
    t.match(events.text(), /event: action\ndata: \{[^\n]*"instance":"press"[^\n]*\}\n\n/)
    t.notMatch(events.text(), /canary/)
  }
  t.match(readers.get('alice')?.text(), /because/)
  t.notMatch(readers.get('dora')?.text(), /because/)
})

t.test('a stream ends with its reader, with the right to read, and with the server', async (t) => {
  const { url, listeners, set, server } = await openListening(t, 20)
  const leaving = new AbortController()
  await fetch(`${url}/api/v1/events`, { headers: basic('alice'), signal: leaving.signal })
  leaving.abort()
  const kept = reader(await fetch(`${url}/api/v1/events`, { headers: basic('bob') }))
  const revoked = reader(await fetch(`${url}/api/v1/events`, { headers: bearer(tokens.alice) }))
  t.ok(await revoked.until(/still here/))
  const { users, ...rest } = desiredState(hashes)
  set({
    ...fleetStatus(hashes),
    desired: { ...rest, users: new Map([...users].filter(([name]) => name !== 'alice')) },
  })
  t.equal(await revoked.until(/never said/), false)
  t.ok(await kept.until(/still here[\s\S]*still here/))
  await until('one listens', () => listeners.size === 1)
  const closed = server.close()
  t.equal(await kept.until(/never said/).catch(() => false), false)
  await closed
  t.equal(listeners.size, 0)
})

t.test('a log ends with the right to read it, with the news of that', async (t) => {
  const { url, set, emit, server } = await openListening(t)
  const follow = async (headers: Record<string, string>) => {
    const read = reader(await fetch(`${url}/api/v1/instances/press/logs?follow=true`, { headers }))
    t.ok(await read.until(/news 1/))
    return read
  }
  const whole = fleetStatus(hashes)
  const desired = desiredState(hashes)
  const press = desired.instances.get('press')
  if (press === undefined) throw new Error('no press')
  const [alice, victor] = [await follow(bearer(tokens.alice)), await follow(basic('victor'))]
  const root = await follow(basic('root'))
  const elsewhere = new Map([...desired.instances, ['press', { ...press, team: 'packing' }]])
  set({ ...whole, desired: { ...desired, instances: elsewhere } })
  emit({ type: 'revision', revision: { id: 'moved', kind: 'commit' } })
  t.equal(await alice.until(/never said/), false)
  t.equal(await victor.until(/never said/), false)
  t.ok(await root.until(/news 20/), 'and whoever may read goes on')
  set({ ...whole, inventory: new Map([...whole.inventory].filter(([uid]) => uid !== 'uid-press')) })
  emit({ type: 'plan', plan: plan() })
  t.equal(await root.until(/never said/), false, 'it is gone')
  await server.close()
})

t.test('a stream ends when a token does', async (t) => {
  const { feed } = createFeed(fleetStatus(hashes))
  let time = Date.parse('2025-12-31T23:59:59Z')
  const clock = { now: () => new Date(time) }
  const limit = {
    begin: async () => ({ kind: 'begun', succeeded: async () => undefined }) as const,
  }
  const authenticate = createAuthenticate({ desired: () => feed.current().desired, limit, clock, derive })
  const { url } = await openListening(t, 20, { authenticate })
  const read = reader(await fetch(`${url}/api/v1/events`, { headers: bearer(tokens.aliceExpired) }))
  t.ok(await read.until(/still here/))
  time += 1000
  t.equal(await read.until(/never said/), false)
})

t.test('a reader that does not read is cut off', async (t) => {
  const { url, emit, listeners } = await openListening(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.pause()
  socket.write(
    `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('root').authorization}\r\n\r\n`,
  )
  await until('it listens', () => listeners.size === 1)
  const long = 'x'.repeat(64 * 1024)
  await until('it is cut off', () => {
    emit({ type: 'action', instance: 'press', action: 'start', stage: 'failed', message: long, at: now })
    return listeners.size === 0
  })
  t.pass('its backlog did not grow without end')
})

t.test('a log that cannot be read is an error, not an empty log', async (t) => {
  const broken = (): AsyncIterable<never> => ({
    [Symbol.asyncIterator]: () => ({ next: async () => Promise.reject(new Error('/var/weir is gone')) }),
  })
  const { server } = await openDoors(t, { logs: broken })
  const answer = await server.inject({ url: '/api/v1/instances/press/logs', headers: basic('alice') })
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, /gone/)
})

t.test('metrics are open to this machine, and to nobody behind a proxy', async (t) => {
  const { url } = await openListening(t)
  const open = await fetch(`${url}/metrics`)
  t.equal(open.status, 200)
  t.match(await open.text(), /weir_instances/)
  const forwarded = { 'x-forwarded-for': '192.0.2.1' }
  t.equal((await fetch(`${url}/metrics`, { headers: forwarded })).status, 401)
  t.equal((await fetch(`${url}/metrics`, { headers: { ...forwarded, ...bearer(tokens.alice) } })).status, 200)
})
