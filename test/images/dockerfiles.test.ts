import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { launcherFlags } from '../../reconciler/compose-drivers.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const instance = read('images/instance/Dockerfile')

t.test('the image of an instance has every dependency that the launcher loads, and no other', async (t) => {
  const texts = globSync('launcher/**/*.{ts,cjs}', { cwd: root }).map(read)
  // what a comment names is a type: nothing is loaded for it
  const code = texts.map((text) => text.replace(/\/\*[^]*?\*\//g, '').replace(/^import type .*$/gm, ''))
  const loaded = code.flatMap((text) =>
    [...text.matchAll(/(?:\bfrom |\bimport\(|\brequire\()'([^'.][^']*)'/g)].map(([, name = '']) => name),
  )
  const packages = new Set(loaded.filter((name) => !name.startsWith('node:')))
  const installed = /^ARG LAUNCHER_DEPENDENCIES="(.*)"$/m.exec(instance)?.[1]?.split(' ')
  t.strictSame(installed, [...packages].toSorted())
})

t.test('a launcher in a container runs with the flags of one beside the reconciler', async (t) => {
  const [, words = ''] = /^ENTRYPOINT \[([^\]]*)\]/m.exec(instance.replaceAll('\\\n', '')) ?? []
  const entry: readonly string[] = JSON.parse(`[${words}]`)
  t.strictSame(entry.slice(3, entry.indexOf('/opt/weir/dist/launcher/main.js')), launcherFlags)
  t.match(instance.replaceAll('\\\n', '').replace(/ +/g, ' '), `node ${launcherFlags.join(' ')} /opt/weir`)
})
