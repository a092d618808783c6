import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Check } from './check.ts'
import { coldDryRun } from './cold-dry-run.ts'
import type { Told } from './large-process.ts'
import { largeRepository, writeSecrets } from './large-repository.ts'
import { runProgram } from './program-run.ts'
import { median } from './samples.ts'
import type { Row, Workbench } from './workbench.ts'

const program = join(import.meta.dirname, 'large-process.ts')

async function largeServe(bench: Workbench): Promise<Told> {
  const { directory } = await largeRepository(bench)
  const folder = await bench.folder('large-serve')
  await writeSecrets(join(folder, 'secrets'))
  const config = {
    data: 'data',
    secrets: 'secrets',
    log: { level: 'error' },
    source: { url: directory, interval: '1h' },
  }
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config))
  await runProgram([process.execPath, program, 'seed', directory, folder])
  const { output } = await runProgram([process.execPath, program, 'measure', directory, folder])
  return JSON.parse(output)
}

const served = new WeakMap<Workbench, Promise<Told>>()

function once(bench: Workbench): Promise<Told> {
  const known = served.get(bench) ?? largeServe(bench)
  served.set(bench, known)
  return known
}

const memory = 'serve with an engine in memory, a secret per instance; 7 rounds'

export const changeRow: Row = {
  name: 'change',
  measure: async (bench) => {
    const cold = [await coldDryRun(bench), await coldDryRun(bench), await coldDryRun(bench)]
    const { change } = await once(bench)
    const row = { row: 'change', unit: 'ms', target: { kind: 'ratio', ratio: 0.05 } } as const
    const pair = (what: string, ours: readonly number[], limit: readonly number[]): Check => ({
      ...row,
      what,
      ours: median(ours),
      samples: ours,
      against: { what: 'cold --dry-run', value: median(limit), samples: limit },
      note: `${memory}; from the new reference to the end of the round that plans it, the watch of the repository included`,
    })
    return [
      pair(
        'one file of 10,000 changed: wall',
        change.map(({ wallMs }) => wallMs),
        cold.map(({ wallMs }) => wallMs),
      ),
      pair(
        'one file of 10,000 changed: CPU with Git',
        change.map(({ ownCpuMs, childrenCpuMs }) => ownCpuMs + childrenCpuMs),
        cold.map(({ cpuMs }) => cpuMs),
      ),
    ]
  },
}

export const noOpRow: Row = {
  name: 'no-op',
  measure: async (bench) => {
    const { noOp, residentMB, peakMB } = await once(bench)
    const cpu = noOp.map(({ ownCpuMs, childrenCpuMs }) => ownCpuMs + childrenCpuMs)
    const calls = noOp.map(({ remoteCalls }) => remoteCalls)
    const row = { row: 'no-op', note: memory }
    return [
      {
        ...row,
        what: 'no-op round of 10,000: CPU with Git',
        unit: 'ms',
        ours: median(cpu),
        samples: cpu,
        target: { kind: 'most', most: 1000 },
      },
      {
        ...row,
        what: 'calls of git ls-remote',
        unit: 'calls',
        ours: Math.max(...calls),
        samples: calls,
        target: { kind: 'most', most: 1 },
      },
      {
        ...row,
        what: 'resident memory after it',
        unit: 'MB',
        ours: residentMB,
        samples: [residentMB],
        target: { kind: 'most', most: 400 },
      },
      {
        ...row,
        what: 'peak of resident memory',
        unit: 'MB',
        ours: peakMB,
        samples: [peakMB],
        target: { kind: 'told' },
      },
    ]
  },
}
