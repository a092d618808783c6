import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestStack } from './stack.ts'

const prelude = `
const file = process.argv[process.argv.indexOf('-s') + 1]
const [, json] = /\\.settings\\((.*)\\)/.exec(require('node:fs').readFileSync(file, 'utf8'))
const data = JSON.parse(json)
const settings = { uiPort: data.port, uiHost: data.host }
`

/** A stack whose red.js does as it is told here: for what a real Node-RED would do only on a very bad day. */
export function stubStack(t: { teardown(end: () => unknown): void }, body: string): TestStack {
  const stack = mkdtempSync(join(tmpdir(), 'weir-stub-stack-'))
  t.teardown(() => rmSync(stack, { recursive: true, force: true }))
  const folder = join(stack, 'node_modules', 'node-red')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{}')
  writeFileSync(join(folder, 'red.js'), prelude + body)
  return { stack, node: process.execPath, versions: { nodeRed: '5.0.7', node: process.versions.node } }
}
