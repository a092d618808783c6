import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import type { AdminRoute } from '../support/admin-routes.ts'
import { golden } from '../support/golden.ts'
import { startWithSignIn } from '../support/launcher-with-sign-in.ts'
import { ask, member } from '../support/launcher.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const members = [member('olga', '*'), member('vera', 'read'), member('dan', '')]

t.test('every admin route answers everybody as the table says', async (t) => {
  const { launcher, editor, signIn } = await startWithSignIn(t, { members })
  const routes = await adminRoutes(launcher.bootstrap.stack, launcher.directory)
  t.ok(routes.length > 60, `there are ${routes.length} routes`)
  const visitors: readonly (readonly [string, string | undefined])[] = [
    ['nobody', undefined],
    ['unknown', 'a-token-that-nobody-knows'],
    ['dashboard', 'dan-token'],
    ['machine', 'olga-token'],
    ['viewer', await signIn('vera')],
    ['owner', await signIn('olga')],
  ]
  const rows = [['route', ...visitors.map(([name]) => name)]]
  for (const { method, path } of routes) {
    const statuses: string[] = []
    for (const [, token] of visitors) statuses.push(await statusOf(method, editor, sampleOf(path), token))
    rows.push([`${method} ${path}`, ...statuses])
  }
  golden(t, join(root, 'fixtures/probe/running.txt'), table(rows))

  const open = rows.slice(1).filter(([, nobody]) => nobody !== '401')
  for (const [route, ...statuses] of open)
    t.equal(new Set(statuses).size, 1, `${route} is the same for everybody, and so tells nothing`)
})

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
