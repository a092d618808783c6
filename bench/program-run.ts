import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'

export interface ProgramRun {
  readonly wallMs: number
  /** User and system time of the process and all its children; to 10 ms. */
  readonly cpuMs: number
  readonly output: string
}

/** The shell's `times` tells what its children have used, Git included. */
const timed = '"$@"; code=$?; times >&3; exit $code'

/**
 * Runs a program to its end.
 * @throws Error when it ends with a code that is not expected.
 */
export async function runProgram(
  command: readonly string[],
  options: { readonly to?: string; readonly codes?: readonly number[]; readonly folder?: string } = {},
): Promise<ProgramRun> {
  const file = options.to === undefined ? undefined : await open(options.to, 'w')
  const begun = performance.now()
  const child = spawn('/bin/sh', ['-c', timed, 'sh', ...command], {
    cwd: options.folder,
    stdio: ['ignore', file?.fd ?? 'pipe', file?.fd ?? 'inherit', 'pipe'],
  })
  const output = collect(child.stdio[1])
  const times = collect(child.stdio[3])
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const wallMs = performance.now() - begun
  await file?.close()
  if (!(options.codes ?? [0]).includes(code ?? -1)) throw new Error(`${command.join(' ')} ended with ${code}`)
  return { wallMs, cpuMs: childrensMs(times()), output: output() }
}

function collect(stream: unknown): () => string {
  let text = ''
  if (typeof stream === 'object' && stream !== null && 'on' in stream && typeof stream.on === 'function')
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** The second line of `times`: user and system time of the children, as `0m1.230s 0m0.040s`. */
function childrensMs(times: string): number {
  const [, line = ''] = times.trim().split('\n')
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)]
    .map(([, minutes, seconds]) => Number(minutes) * 60_000 + Number(seconds) * 1000)
    .reduce((sum, each) => sum + each, 0)
}
