import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'

/** Who may import whom, types included: by room, the rooms and single files it may import beside its own. */
const mayImport: Readonly<Record<string, readonly string[] | 'everything'>> = {
  'reconciler/model': [],
  'reconciler/telemetry': ['reconciler/model'],
  'reconciler/source': ['reconciler/model'],
  'reconciler/desired': ['reconciler/model', 'schemas'],
  'reconciler/plan': ['reconciler/model'],
  'reconciler/status': ['reconciler/model'],
  'reconciler/election': ['reconciler/model'],
  'reconciler/store': ['reconciler/model', 'reconciler/election'],
  'reconciler/secrets': ['reconciler/model'],
  'reconciler/identity': ['reconciler/model', 'reconciler/store/store.ts'],
  'reconciler/drivers': ['reconciler/model', 'reconciler/telemetry/clock.ts', 'launcher/wire.ts'],
  'reconciler/apply': [
    'reconciler/model',
    'reconciler/drivers/driver.ts',
    'reconciler/store/store.ts',
    'reconciler/telemetry/clock.ts',
    'launcher/wire.ts',
  ],
  'reconciler/control': [
    'reconciler/model',
    'reconciler/source/source.ts',
    'reconciler/drivers/driver.ts',
    'reconciler/store/store.ts',
    'reconciler/api/runtime-desk.ts',
    'reconciler/desired',
    'reconciler/plan',
    'reconciler/secrets',
    'reconciler/apply',
    'reconciler/status',
    'reconciler/telemetry',
    'launcher/wire.ts',
  ],
  'reconciler/api': [
    'reconciler/model',
    'reconciler/status',
    'reconciler/identity',
    'reconciler/store/store.ts',
    'launcher/wire.ts',
  ],
  'reconciler/cli': 'everything',
  'reconciler/config.ts': [
    'reconciler/model',
    'reconciler/docker-config.ts',
    'reconciler/desired/explain-error.ts',
    'schemas',
  ],
  'reconciler/docker-config.ts': ['reconciler/model'],
  'reconciler/compose.ts': 'everything',
  'reconciler/compose-drivers.ts': 'everything',
  'reconciler/compose-service.ts': 'everything',
  'reconciler/compose-store.ts': 'everything',
  'reconciler/doors.ts': 'everything',
  'reconciler/main.ts': 'everything',
  launcher: [],
}

/** Where the world comes in: the environment, the time of day, chance. Everywhere else they are passed in. */
const worldly = [
  'reconciler/main.ts',
  'reconciler/compose.ts',
  'reconciler/config.ts',
  'reconciler/telemetry/clock.ts',
  'launcher/main.ts',
  // what a launcher tells carries the time it was told at
  'launcher/console-log.ts',
  'launcher/supervisor.ts',
  'launcher/health.ts',
]

const root = join(import.meta.dirname, '..')
const files = globSync('{reconciler,launcher}/**/*.ts', { cwd: root }).toSorted()
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))

function importsOf(file: string): readonly string[] {
  const text = texts.get(file) ?? ''
  const found = text.matchAll(/(?:\bfrom|\bimport\(|^import)\s*'(\.[^']+)'/gm)
  return [...found].map(([, path = '']) => relative(root, join(root, dirname(file), path)))
}

function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/')
  return top === 'reconciler' ? `${top}/${second}` : top
}

function isInside(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`)
}

t.test('a room imports only what the table allows', async (t) => {
  for (const file of files) {
    const room = roomOf(file)
    const allowed = mayImport[room]
    if (allowed === undefined) t.fail(`${file} stands in a room that the table does not name`)
    if (allowed === undefined || allowed === 'everything') continue
    for (const imported of importsOf(file))
      if (![room, ...allowed].some((place) => isInside(imported, place)))
        t.fail(`${file} must not import ${imported}`)
  }
  t.ok(files.length > 100, 'there is a house')
})

t.test('the table names no room that is gone', async (t) => {
  const rooms = new Set(files.map(roomOf))
  t.strictSame(
    Object.keys(mayImport).filter((room) => !rooms.has(room)),
    [],
  )
})

t.test('only the composition root and its port know an adapter', async (t) => {
  for (const file of files)
    for (const imported of importsOf(file)) {
      const port = /^reconciler\/(drivers\/\w+|store|source)\//.exec(imported)?.[0]
      if (port === undefined || /\/(driver|store|source)\.ts$/.test(imported)) continue
      const free = [
        'reconciler/compose.ts',
        'reconciler/compose-drivers.ts',
        'reconciler/compose-store.ts',
        'reconciler/cli/preview.ts',
      ].includes(file)
      t.ok(free || file.startsWith(port) || roomOf(file) === roomOf(imported), `${file} imports ${imported}`)
    }
})

t.test('no import leads back to where it came from', async (t) => {
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) cycles.push([...way.slice(way.indexOf(file)), file].join(' → '))
    if (done.has(file) || way.includes(file)) return
    for (const imported of importsOf(file)) visit(imported, [...way, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.strictSame(cycles, [])
})

t.test('every import names a file that is there', async (t) => {
  for (const file of files)
    for (const imported of importsOf(file))
      if (!texts.has(imported) && !imported.startsWith('schemas/')) t.fail(`${file} imports ${imported}`)
  t.end()
})

t.test('files are named for what they hold, and hold no more', async (t) => {
  for (const [file, text] of texts) {
    t.notMatch(basename(file), /^(utils?|helpers?|common|manager|index|misc|shared)\.ts$/, file)
    const lines = text.split('\n').length - 1
    if (!file.includes('/generated/')) t.ok(lines <= 400, `${file} has ${lines} lines`)
    t.notMatch(text, /^export default\b/m, `${file} has no default export`)
    t.notMatch(text, /^export (type )?\* from/m, `${file} is no barrel`)
  }
})

t.test('the environment, the time and chance are passed in', async (t) => {
  for (const [file, text] of texts) {
    if (worldly.includes(file) || file.startsWith('reconciler/cli/')) continue
    const code = text.replace(/\/\*[^]*?\*\//g, '').replace(/\/\/.*$/gm, '')
    t.notMatch(code, /process\.env\b|Date\.now\(|new Date\(\)|Math\.random\b/, file)
  }
})
