import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SourceError } from '../../reconciler/source/source.ts'
import { contents, rejectsWith } from '../conformance/source-conformance.ts'
import { serveGit, type GitHttpServer } from '../support/git-http-server.ts'
import { createRepository } from '../support/git-repository.ts'
import { testGitSource } from '../support/git-source.ts'
import { until } from '../support/until.ts'

const signal = AbortSignal.timeout(120_000)
const canary = 'Kanarie-7f3a'

async function scene(t: Test) {
  const root = t.testdir()
  const repository = await createRepository(join(root, 'fleet'))
  await repository.write('a.yaml', '1')
  await repository.commit('first')
  const server = await serveGit(t, root)
  return { root, repository, server, cacheDirectory: join(root, 'cache'), url: `${server.origin}/fleet/.git` }
}

/** Demands a password, and says what it was given in every way a server can. */
function demand(expected: string | undefined): GitHttpServer['intercept'] {
  return (request, response) => {
    const given = request.headers.authorization
    if (given !== undefined && given === expected) return false
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"', 'content-type': 'text/plain' })
    const plain = Buffer.from((given ?? '').replace('Basic ', ''), 'base64').toString()
    response.end(`refused: ${given ?? ''} ${plain} ${encodeURIComponent(plain)}\n`)
    return true
  }
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

/** Command lines of every process of this user that names the folder or the canary. */
function commandLines(): string {
  return execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
}

function everyFile(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')
}

function shown(error: SourceError): string {
  return `${error.message} ${error.remedy ?? ''} ${error.stack ?? ''} ${JSON.stringify(error)} ${String(error.cause)}`
}

t.test('follows a branch over http, with one question while nothing changes', async (t) => {
  const { repository, server, cacheDirectory, url } = await scene(t)
  const source = testGitSource({ url, cacheDirectory, allow: ['http'] })
  const first = await source.snapshot(signal)
  t.strictSame(await contents(first), { 'a.yaml': '1' })
  server.requests.length = 0
  t.equal(await source.snapshot(signal), first)
  const refs = server.requests.filter(({ line }) => line.includes('info/refs'))
  t.equal(refs.length, 1)
  t.ok(server.requests.length <= 2, 'the refs, and in protocol 2 their list')
  await repository.write('a.yaml', '2')
  await repository.commit('second')
  t.strictSame(await contents(await source.snapshot(signal)), { 'a.yaml': '2' })
})

t.test('credentials from a file reach the server that the URL names, read anew each time', async (t) => {
  const { root, server, cacheDirectory, url } = await scene(t)
  const credentials = join(root, "it's a secret")
  await writeFile(credentials, `ada:${canary}`, { mode: 0o600 })
  server.intercept = demand(basic(`ada:${canary}`))
  const source = testGitSource({ url, cacheDirectory, allow: ['http'], credentials })
  await source.snapshot(signal)
  server.intercept = demand(basic('x-access-token:to:ken\\n'))
  const error = await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
  t.notMatch(shown(error), canary)
  await writeFile(credentials, 'x-access-token:to:ken\\n\n')
  await source.snapshot(signal)
  await writeFile(credentials, 'bare-token')
  server.intercept = demand(basic('x-access-token:bare-token'))
  await source.snapshot(signal)
})

t.test('a password of the URL works and is seen nowhere', async (t) => {
  const { server, cacheDirectory, url } = await scene(t)
  server.intercept = demand(basic(`ada:${canary}`))
  const withPassword = url.replace('http://', `http://ada:${canary}@`)
  const source = testGitSource({ url: withPassword, cacheDirectory, allow: ['http'] })
  t.notMatch(source.description, canary)
  await source.snapshot(signal)
  t.notMatch(everyFile(cacheDirectory), canary)
})

t.test('no failure of a server shows a credential, however it words it', async (t) => {
  const { root, server, cacheDirectory, url } = await scene(t)
  const credentials = join(root, 'credentials')
  await writeFile(credentials, `ada:${canary}`)
  const withPassword = url.replace('http://', `http://ada:${canary}@`)
  const logged: unknown[] = []
  const log = {
    debug: (...all: unknown[]) => logged.push(all),
    warn: (...all: unknown[]) => logged.push(all),
  }
  for (const options of [{ url: withPassword }, { url, credentials }])
    for (const status of [401, 403, 404, 500, 503]) {
      const refuse = demand(undefined)
      server.intercept = (request, response, body) => {
        if (request.headers.authorization === undefined || status === 401)
          return refuse(request, response, body)
        response.writeHead(status, { 'content-type': 'text/plain' })
        response.end(`${request.headers.authorization} ada:${canary} ${canary} http://ada:${canary}@x/\n`)
        return true
      }
      const source = testGitSource({ ...options, cacheDirectory, allow: ['http'], log })
      const error = await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
      t.notMatch(shown(error), canary)
      t.notMatch(shown(error), Buffer.from(`ada:${canary}`).toString('base64'))
    }
  t.notMatch(JSON.stringify(logged), canary)
})

t.test('a redirect is not followed, and takes no credential along', async (t) => {
  const { server, cacheDirectory, url, root } = await scene(t)
  const other = await serveGit(t, root)
  server.intercept = (request, response) => {
    response.writeHead(302, { location: `${other.origin}${request.url ?? ''}` }).end()
    return true
  }
  const source = testGitSource({
    url: url.replace('http://', `http://ada:${canary}@`),
    cacheDirectory,
    allow: ['http'],
  })
  const error = await rejectsWith(t, source.snapshot(signal), 'source-unreachable')
  t.match(error.remedy, /redirects/)
  t.strictSame(other.requests, [])
})

t.test(
  'an abort ends a hanging question at once, leaves no process, and no canary is in the list of processes',
  async (t) => {
    const { server, cacheDirectory, url } = await scene(t)
    server.intercept = () => true
    const withPassword = url.replace('http://', `http://ada:${canary}@`)
    const source = testGitSource({ url: withPassword, cacheDirectory, allow: ['http'] })
    const stop = new AbortController()
    const asked = source.snapshot(stop.signal)
    const rejected = t.rejects(asked, { message: 'enough' })
    await until('git asks', () => server.requests.length > 0)
    t.match(commandLines(), server.origin)
    t.notMatch(commandLines(), canary)
    stop.abort(new Error('enough'))
    await rejected
    await until('no git is left', () => !commandLines().includes(server.origin))
  },
)

t.test('an abort leaves no ssh that hangs', async (t) => {
  const root = t.testdir({
    ssh: '#!/bin/sh\necho $$ > "$(dirname "$0")/pid"\nexec sleep 600.25\n',
  })
  execFileSync('chmod', ['+x', join(root, 'ssh')])
  const source = testGitSource({
    url: 'git@host.example:fleet',
    cacheDirectory: join(root, 'cache'),
    environment: { PATH: `${root}:${process.env['PATH']}` },
  })
  const stop = new AbortController()
  const rejected = t.rejects(source.snapshot(stop.signal), { message: 'enough' })
  await until('ssh runs', async () => (await readFile(join(root, 'pid'), 'utf8').catch(() => '')) !== '')
  const pid = Number(await readFile(join(root, 'pid'), 'utf8'))
  t.teardown(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  stop.abort(new Error('enough'))
  await rejected
  await until('ssh is gone', () => !isAlive(pid))
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('a fetch that fails half-way leaves the last revision readable, and nothing behind', async (t) => {
  const { repository, server, cacheDirectory, url } = await scene(t)
  const source = testGitSource({ url, cacheDirectory, allow: ['http'] })
  const first = await source.snapshot(signal)
  await repository.write('big.bin', Buffer.alloc(300_000, 'abcdefghijklmnop0123456789'))
  await repository.commit('second')
  let packs = 0
  server.intercept = (_request, response, body) => {
    if (!body.includes('command=fetch')) return false
    packs += 1
    // A pack that begins well and ends with the connection.
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' })
    response.write('000dpackfile\n0011\x01PACK\0\0\0\x02\0\0\0\x09', () => response.destroy())
    return true
  }
  for (let tries = 0; tries < 20; tries += 1) await source.snapshot(signal).catch(() => {})
  const left = readdirSync(cacheDirectory, { recursive: true, encoding: 'utf8' })
  t.strictSame(
    left.filter((name) => name.includes('tmp_') || name.endsWith('.lock') || name.endsWith('/lock')),
    [],
  )
  t.strictSame(await contents(first), { 'a.yaml': '1' })
  server.intercept = () => false
  t.strictSame(Object.keys(await contents(await source.snapshot(signal))), ['a.yaml', 'big.bin'])
  t.equal(packs, 20)
})
