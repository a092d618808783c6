import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { createKubernetesLease, type LeaseApi } from '../../reconciler/election/kubernetes-lease.ts'
import { asRecord } from '../support/fleet.ts'

const { signal } = new AbortController()
const lease = { term: 1, holder: 'a', since: '2026-01-02T03:04:05.678Z', duration: 10_000 }
const path = '/apis/coordination.k8s.io/v1/namespaces/weir/leases'

/** Keeps objects as an API server does: one by its name, written over the version that the writer read. */
async function apiServer(t: Test) {
  const objects = new Map<string, Record<string, unknown>>()
  let version = 100
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown): void =>
      void response.writeHead(status).end(JSON.stringify(body))
    const failure = (code: number): void => answer(code, { kind: 'Status', code, message: `code ${code}` })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = request.url ?? ''
      const name = url.slice(path.length + 1)
      if (request.method === 'GET') return objects.has(name) ? answer(200, objects.get(name)) : failure(404)
      const body = asRecord(JSON.parse(Buffer.concat(chunks).toString('utf8'))) ?? {}
      const metadata = asRecord(body['metadata']) ?? {}
      const before = objects.get(String(metadata['name']))
      if (request.method === 'POST' ? before !== undefined : before === undefined)
        return failure(request.method === 'POST' ? 409 : 404)
      if (
        before !== undefined &&
        asRecord(before['metadata'])?.['resourceVersion'] !== metadata['resourceVersion']
      )
        return failure(409)
      const kept = { ...body, metadata: { ...metadata, resourceVersion: String(++version) } }
      objects.set(String(metadata['name']), kept)
      return answer(before === undefined ? 201 : 200, kept)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, objects }
}

function apiAt(url: string): LeaseApi {
  return async ({ method, path, body }, signal) => {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(`${url}${path}`, { method, headers, signal, ...sent })
    return { status: response.status, body: await response.json() }
  }
}

t.test('a lease of Kubernetes is written over the version that was read, or not at all', async (t) => {
  const server = await apiServer(t)
  const options = { api: apiAt(server.url), namespace: 'weir', name: 'fleet', labels: { app: 'weir' } }
  const record = createKubernetesLease({
    ...options,
    clock: { now: () => new Date('2026-01-02T03:04:06.000Z') },
  })
  t.equal(await record.read(signal), undefined)
  const made = await record.write(lease, undefined, signal)
  t.match(made, { ...lease, since: '2026-01-02T03:04:05.678000Z' })
  t.equal(
    await record.write({ ...lease, holder: 'b' }, undefined, signal),
    undefined,
    'another one was first',
  )
  t.match(server.objects.get('fleet'), {
    spec: {
      holderIdentity: 'a',
      leaseDurationSeconds: 10,
      renewTime: '2026-01-02T03:04:06.000000Z',
      leaseTransitions: 1,
    },
  })
  const renewed = await record.write(made ?? lease, made?.version, signal)
  t.not(renewed?.version, made?.version)
  t.equal(renewed?.since, made?.since)
  t.equal(
    await record.write({ ...lease, term: 2 }, made?.version, signal),
    undefined,
    'it was renewed meanwhile',
  )
  t.same(await record.read(signal), renewed)
  server.objects.clear()
  t.equal(
    await record.write({ ...lease, term: 2 }, renewed?.version, signal),
    undefined,
    'it was deleted meanwhile',
  )
  await t.rejects(
    createKubernetesLease({
      ...options,
      api: async () => ({ status: 403, body: { message: 'leases is forbidden' } }),
      clock: { now: () => new Date() },
    }).read(signal),
    { name: 'LeaseAnswerError', message: /403: leases is forbidden/ },
  )
})
