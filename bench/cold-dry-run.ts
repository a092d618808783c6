import { join } from 'node:path'
import type { Check } from './check.ts'
import { largeRepository } from './large-repository.ts'
import { runProgram, type ProgramRun } from './program-run.ts'
import { inTurns, median } from './samples.ts'
import type { Row, Workbench } from './workbench.ts'

const program = join(import.meta.dirname, '../bin/reconcile.js')
const parser = join(import.meta.dirname, 'parse-only.ts')

/** A dry run without any cache, as CI makes it: the whole process, its output in a file. */
export async function coldDryRun(bench: Workbench): Promise<ProgramRun> {
  const { directory } = await largeRepository(bench)
  const data = await bench.folder('cold')
  const command = [process.execPath, program, '--dry-run', '--source', directory, '--data', data]
  return runProgram(command, { to: join(data, 'output'), codes: [2], folder: data })
}

async function parseOnly(bench: Workbench): Promise<ProgramRun & { readonly parseMs: number }> {
  const { directory } = await largeRepository(bench)
  const run = await runProgram([process.execPath, parser, directory])
  const told: { readonly parseMs: number } = JSON.parse(run.output)
  return { ...run, parseMs: told.parseMs }
}

export const coldRow: Row = {
  name: 'cold',
  measure: async (bench) => {
    const { ours, limit } = await inTurns(
      5,
      async () => coldDryRun(bench),
      async () => parseOnly(bench),
    )
    const parsing = limit.map(({ parseMs }) => parseMs)
    const walls = ours.map(({ wallMs }) => wallMs)
    const checks: readonly Check[] = [
      {
        row: 'cold',
        what: 'cold --dry-run of 10,000 instances',
        unit: 'ms',
        ours: median(walls),
        samples: walls,
        against: { what: 'yaml parsing', value: median(parsing), samples: parsing },
        target: { kind: 'ratio', ratio: 2.5 },
        note: 'the whole process, without any cache, against parseAllDocuments alone in a fresh process: reading the files and starting Node.js are not counted for it',
      },
    ]
    return checks
  },
}
