import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import type { CompileStack } from './stacks.ts'

const run = promisify(execFile)
const withinMs = 60_000

export interface CompileParts {
  /** The main file of the launcher; the program that starts Node-RED for nothing but this lies beside it. */
  readonly launcher: string
  readonly environment: { readonly [name: string]: string }
  readonly log: Pick<Logger, 'warn'>
}

/** Instances of a stack that was not compiled ahead start all the same, and take a third longer. */
export function createCompileStack({ launcher, environment, log }: CompileParts): CompileStack {
  const program = join(dirname(launcher), 'node-red', 'compile-ahead.cjs')
  return async ({ folder, node }, signal) => {
    const user = await mkdtemp(join(tmpdir(), 'weir-compile-'))
    try {
      await run(node, [program, join(folder, 'node_modules', 'node-red', 'red.js'), user], {
        cwd: user,
        env: { ...environment, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
        timeout: withinMs,
        signal,
      })
    } catch (error) {
      signal.throwIfAborted()
      log.warn({ stack: folder, err: error }, 'the stack is not compiled ahead: its first starts take longer')
    } finally {
      await rm(user, { recursive: true, force: true, maxRetries: 3 })
    }
  }
}
