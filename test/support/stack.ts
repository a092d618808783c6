import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createCompileStack } from '../../reconciler/drivers/localfs/compile-stack.ts'
import { inheritedEnvironment } from '../../reconciler/drivers/localfs/environment.ts'
import { packagesOf, type MachineNode } from '../../reconciler/drivers/localfs/stacks.ts'
import { digestOf } from '../../reconciler/model/digest.ts'

const run = promisify(execFile)

/** What tests and measurements run on: the Node.js that runs them, and a Node-RED. */
export const stack = { nodeRed: '5.0.7', node: Number.parseInt(process.versions.node, 10) }
export const machine: MachineNode = {
  program: process.execPath,
  version: process.version,
  platform: process.platform,
  arch: process.arch,
}

/** As localfs has an installed stack compiled. */
export const compile = createCompileStack({
  launcher: join(import.meta.dirname, '../../launcher/main.ts'),
  environment: inheritedEnvironment(process.env),
  log: { warn: (fields: object) => void process.stderr.write(`${JSON.stringify(fields)}\n`) },
})

export interface TestStack {
  /** The folder whose node_modules holds node-red. */
  readonly stack: string
  readonly node: string
  readonly versions: { readonly nodeRed: string; readonly node: string }
}

/** A real Node-RED, installed from npm once for all tests of this user. Safe when two test files want it at once. */
export async function testStack(): Promise<TestStack> {
  const { nodeRed } = stack
  const folder = join(tmpdir(), `weir-test-stack-${nodeRed}`)
  if (!existsSync(folder)) await install(folder)
  const versions = { nodeRed, node: process.versions.node }
  if (!existsSync(join(folder, 'compile-cache')))
    await compile({ folder, node: process.execPath, versions }, new AbortController().signal)
  return { stack: folder, node: process.execPath, versions }
}

/** Puts it where localfs looks for it below its data folder, as if it had installed it. Gives its folder. */
export async function seedStack(data: string): Promise<string> {
  const installed = await testStack()
  const folder = join(data, 'stacks', digestOf(packagesOf(stack, machine)))
  await mkdir(folder, { recursive: true })
  await symlink(join(installed.stack, 'node_modules'), join(folder, 'node_modules'))
  await symlink(join(installed.stack, 'compile-cache'), join(folder, 'compile-cache'))
  await writeFile(join(folder, '.complete'), JSON.stringify(installed.versions))
  return folder
}

async function install(folder: string): Promise<void> {
  const under = mkdtempSync(`${folder}-`)
  try {
    writeFileSync(join(under, 'package.json'), '{"private":true}')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev']
    await run('npm', ['install', `node-red@${stack.nodeRed}`, ...options], { cwd: under })
    renameSync(under, folder)
  } catch (error) {
    rmSync(under, { recursive: true, force: true })
    // Another test may have been quicker.
    if (!existsSync(folder)) throw error
  }
}
