import { createRequire } from 'node:module'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { libraryPath } from '../../reconciler/model/library-path.ts'
import { until } from '../support/until.ts'

interface Library {
  read(type: string, path: string): Promise<unknown>
  save(type: string, path: string, meta: object, body: string): Promise<void>
}
const load = createRequire(import.meta.url)
const { Library } = load('../../launcher/plugins/storage/library.cjs')
const { createLibraryMove } = load('../../launcher/plugins/storage/library-move.cjs')
const inside: { libraryPath(path: string): string | undefined } = load(
  '../../launcher/plugins/storage/library-path.cjs',
)

t.test('Node-RED and the reconciler have one rule for paths', async (t) => {
  const paths = ['', 'a', 'a/b/', './a//b', '../a', 'a/..', '/', '/a', 'a\\b', 'a\0', 'a\ud800', 'e\u0301']
  for (const path of [...paths, 'x'.repeat(1024), 'x'.repeat(1025), 'ä'.repeat(512), 'ä'.repeat(513)])
    t.equal(inside.libraryPath(path), libraryPath(path), path)
  t.equal(libraryPath('ä'.repeat(513)), undefined, 'bytes count')
  t.equal(libraryPath('a\ud800'), undefined)
})

t.test('calls that overlap spoil no copy, and a full disk costs copies only', async (t) => {
  const folder = t.testdir()
  let up = true
  const warnings: string[] = []
  const door = {
    ask: async (_method: string, path: string) =>
      up
        ? { kind: 'answer', status: 200, body: { folders: [path], entries: [] } }
        : { kind: 'unreachable', reason: 'down' },
  }
  const warn = (text: string) => warnings.push(text)
  const library: Library = new Library({ door, folder, warn })
  const reads = Array.from({ length: 50 }, async (_, index) =>
    library.read('functions', index % 2 ? 'a' : ''),
  )
  await Promise.all(reads)
  await Promise.all(Array.from({ length: 20 }, async () => library.save('functions', 'a/b', {}, 'body')))
  // Behind everything that is still written.
  await library.read('functions', 'last')
  t.same(warnings, [])
  up = false
  t.equal(await library.read('functions', 'a/b'), 'body')
  const files = readdirSync(join(folder, 'library'))
  for (const file of files) t.ok(JSON.parse(readFileSync(join(folder, 'library', file), 'utf8')), file)
  up = true
  writeFileSync(join(folder, 'full'), '')
  const full: Library = new Library({ door, folder: join(folder, 'full'), warn })
  t.same(await full.read('functions', 'a'), ['/library/functions?path=a'])
  t.match(warnings, [/cannot be written/])
})

t.test('an old entry that the store refuses keeps no other from it', async (t) => {
  const user = t.testdir({ lib: { functions: { 'a\\b': 'bad', long: 'refused', good: 'good' } } })
  const folder = join(user, 'storage')
  mkdirSync(folder)
  const [taken, warnings]: [string[], string[]] = [[], []]
  const state = { up: false }
  const library = {
    async has(_type: string, path: string) {
      if (!state.up) throw Object.assign(new Error('down'), { code: 'unreachable' })
      if (path.includes('\\')) throw Object.assign(new Error('no path'), { code: 'forbidden' })
      return false
    },
    async save(_type: string, path: string) {
      if (path === 'long') throw new Error('too large')
      taken.push(path)
    },
  }
  const warn = (text: string) => warnings.push(text)
  createLibraryMove({ folder, user, library, warn, random: () => 0 })()
  await until('it was tried', () => warnings.length > 0)
  state.up = true
  await until('all is looked at', () => existsSync(join(folder, 'library-taken')))
  t.same(taken, ['good'])
  t.equal(warnings.filter((text) => /was not taken into the library/.test(text)).length, 2)
})
