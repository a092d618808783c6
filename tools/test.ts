/**
 * `npm test`: tap, and at its end which suites were left out because their engine is missing, and how to run them. An
 * engine is a module of test/engines that exports `without…`: why it is not there, or false. Arguments are tap's.
 */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const cwd = join(import.meta.dirname, '..')
const words = process.argv.slice(2)
const { status } = spawnSync('tap', ['run', ...words], { cwd, stdio: 'inherit' })

const named = words.filter((word) => word.endsWith('.test.ts'))
const suites = named.length > 0 ? named : globSync('test/**/*.test.ts', { cwd }).toSorted()
const left = new Map<string, Set<string>>()
for (const file of globSync('test/engines/*.ts', { cwd }).toSorted()) {
  const engine: Readonly<Record<string, unknown>> = await import(join(cwd, file))
  for (const [name, why] of Object.entries(engine)) {
    if (!name.startsWith('without') || typeof why !== 'string') continue
    const without = suites.filter((suite) => readFileSync(join(cwd, suite), 'utf8').includes(name))
    if (without.length > 0) left.set(why, new Set([...(left.get(why) ?? []), ...without]))
  }
}
for (const [why, without] of left)
  process.stdout.write(`Left out: ${[...without].toSorted().join(', ')}: ${why}\n`)
process.exitCode = status ?? 1
