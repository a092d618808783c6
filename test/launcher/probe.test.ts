import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { canonicalDigest } from '../../launcher/canonical-json.ts'
import type { AdminRoute } from '../support/admin-routes.ts'
import { golden } from '../support/golden.ts'
import { deadly } from '../support/deadly-flow.ts'
import { prepareWithSignIn, startWithSignIn } from '../support/launcher-with-sign-in.ts'
import { ask, exited, member } from '../support/launcher.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const running = join(root, 'fixtures/probe/running.txt')
const members = [member('olga', '*'), member('vera', 'read'), member('dan', '')]

type Asked = readonly [route: string, name: string, status: string]
type Visitor = readonly [name: string, token: string | undefined]

t.test('every admin route answers everybody as the table says', async (t) => {
  const { launcher, editor, signIn } = await startWithSignIn(t, { members })
  const routes = await adminRoutes(launcher.bootstrap.stack, launcher.directory)
  t.ok(routes.length > 60, `there are ${routes.length} routes`)
  const rows = await probe(routes, await visitorsOf(signIn), editor)
  golden(t, running, table(rows))

  const open = rows.slice(1).filter(([, nobody]) => nobody !== '401')
  for (const [route, ...statuses] of open)
    t.equal(new Set(statuses).size, 1, `${route} is the same for everybody, and so tells nothing`)
})

t.test('while Node-RED starts nobody gets more than the table gives them', async (t) => {
  const { launcher, editor, signIn } = await startWithSignIn(t, { members })
  const routes = await adminRoutes(launcher.bootstrap.stack, launcher.directory)
  const visitors = await visitorsOf(signIn)
  const begin: Readonly<Record<string, () => unknown>> = {
    'a restart that is asked for': async () => launcher.admin('POST', '/restart'),
    'a Node-RED that died': async () => process.kill((await launcher.state()).pid ?? 0, 'SIGKILL'),
    'a launcher that starts': async () => {
      launcher.process.kill('SIGKILL')
      await exited(launcher.process)
      launcher.launch()
    },
  }
  for (const [what, start] of Object.entries(begin)) {
    const { pid } = await launcher.state()
    await start()
    const isBack = async () => {
      const state = await launcher.state().catch(() => undefined)
      return state?.phase === 'running' && state.pid !== pid
    }
    const seen: Asked[] = []
    for (let back = false; !back;) {
      back = await isBack()
      seen.push(...(await probeEach(routes, visitors, editor)))
    }
    t.strictSame(seen.filter(isMore), [], what)
    const answers = seen.filter(([, , status]) => status !== 'no answer').length
    t.ok(
      answers >= routes.length * visitors.length,
      `${what}: ${answers} answers were as the table says, or closed`,
    )
  }
})

t.test('in safe mode every admin route answers everybody as ever', async (t) => {
  const flows = { digest: canonicalDigest(deadly), nodes: deadly }
  const { launcher, editor, signIn } = await prepareWithSignIn(t, { members, flows })
  launcher.launch()
  await launcher.when('it is safe', ({ phase }) => phase === 'safe')
  const routes = await adminRoutes(launcher.bootstrap.stack, launcher.directory)
  const rows = await probe(routes, await visitorsOf(signIn), editor)
  golden(t, running, table(rows))
})

async function visitorsOf(
  signIn: (username: string) => Promise<string | undefined>,
): Promise<readonly Visitor[]> {
  return [
    ['nobody', undefined],
    ['unknown', 'a-token-that-nobody-knows'],
    ['dashboard', 'dan-token'],
    ['machine', 'olga-token'],
    ['viewer', await signIn('vera')],
    ['owner', await signIn('olga')],
  ]
}

/** The table: a row for each route, a column for each visitor. */
async function probe(
  routes: readonly AdminRoute[],
  visitors: readonly Visitor[],
  editor: string,
): Promise<readonly (readonly string[])[]> {
  const rows = [['route', ...visitors.map(([name]) => name)]]
  for (const { method, path } of routes) {
    const statuses: string[] = []
    for (const [, token] of visitors) statuses.push(await statusOf(method, editor, sampleOf(path), token))
    rows.push([`${method} ${path}`, ...statuses])
  }
  return rows
}

/** The same as a list, of a Node-RED that may not be there. */
async function probeEach(routes: readonly AdminRoute[], visitors: readonly Visitor[], editor: string) {
  const asked: Asked[] = []
  for (const { method, path } of routes)
    for (const [name, token] of visitors) {
      const status = await statusOf(method, editor, sampleOf(path), token).catch(() => 'no answer')
      asked.push([`${method} ${path}`, name, status])
    }
  return asked
}

/** Whether somebody was answered as the table does not say, and as no closed door does. */
function isMore([route, name, status]: Asked): boolean {
  return status !== expected(route, name) && !/^(401|404|503|no answer)$/.test(status)
}

/** What the table says. */
function expected(route: string, name: string): string | undefined {
  const [head = '', ...lines] = readFileSync(running, 'utf8').split('\n')
  const columns = head.split(/ {2,}/)
  const row = lines.find((line) => line.startsWith(`${route}  `))
  return row?.slice(route.length).trim().split(/ {2,}/)[columns.indexOf(name) - 1]
}

/** By a Node-RED of its own on a copy of the instance's folder, which ends again. */
async function adminRoutes(stack: string, directory: string): Promise<readonly AdminRoute[]> {
  const copy = mkdtempSync(join(tmpdir(), 'weir-probe-'))
  try {
    cpSync(directory, copy, { recursive: true })
    const script = join(root, 'test/support/admin-routes.ts')
    const user = join(copy, 'user')
    const { stdout } = await run(process.execPath, [script, stack, join(user, 'settings.js'), user])
    const found: AdminRoute[] = JSON.parse(stdout)
    const seen = new Map(found.map((route) => [`${route.path} ${route.method}`, route]))
    return [...seen.keys()].toSorted().flatMap((key) => seen.get(key) ?? [])
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** A path that a route answers at. What stands for something is `x`, which nothing here is called. */
function sampleOf(path: string): string {
  if (!path.includes('/^'))
    return path
      .replaceAll(/:\w+(\([^)]*\))?/g, (_, choice?: string) => /\w+/.exec(choice ?? '')?.[0] ?? 'x')
      .replaceAll('*', 'x')
  const [base = '', pattern = ''] = path.split('/^')
  const plain = pattern
    .replace(/\/[a-z]*$/, '')
    .replaceAll(String.raw`((@[^\/]+\/)?[^\/]+)`, 'x')
    .replaceAll(String.raw`((?:@[^\/]+\/)?[^\/]+)`, 'x')
    .replaceAll(String.raw`((@[^\/]+\/)?[^\/]+\/[^\/]+)`, 'x/x')
    .replaceAll(String.raw`(?:$|\/(.*))`, '/x')
    .replaceAll(/\(\[\^\\?\/\]\+\)|\(\.[+*]\)/g, 'x')
    .replaceAll(String.raw`\/?$`, '')
    .replaceAll(String.raw`\/`, '/')
    .replaceAll('$', '')
  if (!new RegExp(`^${pattern.replace(/\/[a-z]*$/, '')}`).test(plain))
    throw new Error(`no sample for ${path}: ${plain}`)
  return base + plain
}

async function statusOf(
  method: string,
  editor: string,
  path: string,
  token: string | undefined,
): Promise<string> {
  const url = editor + path.slice(1)
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const body = /^(GET|HEAD)$/.test(method) ? {} : { body: '{}' }
  return String((await ask(url, { method, headers, ...body })).status)
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
