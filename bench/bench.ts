import { writeFile } from 'node:fs/promises'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { judge, renderTable, type Check } from './check.ts'
import { coldRow } from './cold-dry-run.ts'
import { deployRow } from './deploy.ts'
import { changeRow, noOpRow } from './large-serve.ts'
import { memoryRow } from './launcher-memory.ts'
import { startRow } from './launcher-start.ts'
import { statusRow } from './status-delay.ts'
import { commitRow } from './commit-to-ready.ts'
import { twentyRow } from './twenty.ts'
import { peersRow } from './peers-row.ts'
import { idleContainersRow } from './idle-containers.ts'
import { twentyContainersRow } from './twenty-containers.ts'
import { openWorkbench, type Row } from './workbench.ts'

const rows: readonly Row[] = [
  coldRow,
  changeRow,
  noOpRow,
  startRow,
  statusRow,
  memoryRow,
  commitRow,
  twentyRow,
  deployRow,
  twentyContainersRow,
  idleContainersRow,
  peersRow,
]

/** Measures every row, or the named ones, prints the table, and writes results.json beside this file. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, peers: { type: 'boolean', default: false } },
  })
  const unknown = (values.only ?? []).filter((name) => !rows.some((row) => row.name === name))
  if (unknown.length > 0)
    throw new Error(`no row ${unknown.join(', ')}; there are ${rows.map(({ name }) => name).join(', ')}`)
  await using bench = await openWorkbench(values.peers)
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      const end = (): void => process.exit(130)
      bench[Symbol.asyncDispose]().then(end, end)
    })
  const checks: Check[] = []
  const leftOut: string[] = []
  for (const row of rows) {
    if (values.only !== undefined && !values.only.includes(row.name)) continue
    if (typeof row.leftOut === 'string') {
      leftOut.push(`Left out: ${row.name}: ${row.leftOut}\n`)
      continue
    }
    bench.say(`measuring ${row.name} (load ${loadavg()[0]?.toFixed(1)})`)
    checks.push(...(await row.measure(bench)))
  }
  const machine = { cpus: cpus().map(({ model }) => model), linux: release(), node: process.version }
  const results = checks.map((check) => ({ ...check, ...judge(check) }))
  const content = { at: new Date().toISOString(), machine, checks: results }
  await writeFile(join(import.meta.dirname, 'results.json'), `${JSON.stringify(content, null, 2)}\n`)
  process.stdout.write(`${renderTable(checks)}\n${leftOut.join('')}`)
}

await main()
