/** Writes reconciler/model/generated/*.ts from schemas/*.schema.json. With --check it only says whether they are stale. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { compileFromFile } from 'json-schema-to-typescript'

const root = join(import.meta.dirname, '..')
const target = join(root, 'reconciler/model/generated')
const check = process.argv.includes('--check')

const stale: string[] = []
for (const file of (await readdir(join(root, 'schemas'))).toSorted()) {
  if (!file.endsWith('.schema.json') || file === 'weir.schema.json' || file === 'settings.schema.json')
    continue
  const text = await compileFromFile(join(root, 'schemas', file), {
    cwd: join(root, 'schemas'),
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    bannerComment: `/* Generated from schemas/${file} by tools/generate-types.ts: edit the schema. */`,
    style: { semi: false, singleQuote: true, printWidth: 110 },
  })
  const path = join(target, `${basename(file, '.schema.json')}.ts`)
  const before = await readFile(path, 'utf8').catch(() => '')
  if (before === text) continue
  stale.push(path)
  if (!check) await writeFile(path, text)
}
if (check && stale.length > 0) {
  console.error(`stale, run npm run generate:\n${stale.join('\n')}`)
  process.exitCode = 1
}
