import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** A child process whose lines are awaited one by one; it does not outlive the test. */
export class ChildLines {
  readonly process: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<unknown>

  constructor(t: Test, command: string, args: readonly string[]) {
    this.process = spawn(command, args)
    this.process.stderr.pipe(process.stderr)
    this.#ended = once(this.process, 'close')
    this.#lines = createInterface(this.process.stdout)[Symbol.asyncIterator]()
    t.teardown(async () => this.kill())
  }

  /** The next line; undefined once the output has ended. */
  async line(): Promise<string | undefined> {
    const next = await this.#lines.next()
    return next.done === true ? undefined : next.value
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.#ended
  }
}
