import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const nodeRed = '5.0.7'

export interface TestStack {
  /** The folder whose node_modules holds node-red. */
  readonly stack: string
  readonly node: string
  readonly versions: { readonly nodeRed: string; readonly node: string }
}

/** A real Node-RED, installed from npm once for all tests of this user. Safe when two test files want it at once. */
export async function testStack(): Promise<TestStack> {
  const stack = join(tmpdir(), `weir-test-stack-${nodeRed}`)
  if (!existsSync(stack)) await install(stack)
  return { stack, node: process.execPath, versions: { nodeRed, node: process.versions.node } }
}

async function install(stack: string): Promise<void> {
  const under = mkdtempSync(`${stack}-`)
  try {
    writeFileSync(join(under, 'package.json'), '{"private":true}')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev']
    await run('npm', ['install', `node-red@${nodeRed}`, ...options], { cwd: under })
    renameSync(under, stack)
  } catch (error) {
    rmSync(under, { recursive: true, force: true })
    // Another test may have been quicker.
    if (!existsSync(stack)) throw error
  }
}
