import type { Test } from 'tap'
import { SourceError, type Snapshot, type Source } from '../../reconciler/source/source.ts'
import { until } from '../support/until.ts'

/** What a tree holds, by path: content, or where a link leads. */
export type TreeContent = Readonly<Record<string, string | { readonly link: string }>>

/** A place of one implementation, and how to change it. */
export interface SourcePlace {
  /** Writes files and links; null removes. For Git this is one commit. */
  change(content: Readonly<Record<string, TreeContent[string] | null>>): Promise<void>
  open(options?: { readonly path?: string }): Source
}

/** Promises of the port `Source` that every implementation keeps. `make` gives a new, empty place. */
export function sourceConformance(t: Test, make: (t: Test) => Promise<SourcePlace>): void {
  const signal = AbortSignal.timeout(120_000)

  async function begin(t: Test, content: TreeContent, options?: { readonly path?: string }) {
    const place = await make(t)
    await place.change(content)
    const source = place.open(options)
    t.teardown(async () => {
      await source[Symbol.asyncDispose]()
    })
    return { place, source }
  }

  t.test('lists every file by path, with its size and its content', async (t) => {
    const { source } = await begin(t, {
      'b.yaml': 'bee',
      'a/deep/c.json': '{}',
      'ä ö.yaml': '',
      'a.txt': 'bee',
    })
    const snapshot = await source.snapshot(signal)
    t.strictSame(await contents(snapshot), {
      'a.txt': 'bee',
      'a/deep/c.json': '{}',
      'b.yaml': 'bee',
      'ä ö.yaml': '',
    })
    t.strictSame(
      snapshot.files.map((file) => file.size),
      [3, 2, 3, 0],
    )
    t.equal(idOf(snapshot, 'a.txt'), idOf(snapshot, 'b.yaml'), 'equal content has an equal id')
    t.strictSame(snapshot.skipped, [])
  })

  t.test('gives the same object while nothing changes', async (t) => {
    const { place, source } = await begin(t, { 'a.yaml': '1' })
    const first = await source.snapshot(signal)
    t.equal(await source.snapshot(signal), first)
    await place.change({ 'a.yaml': '2', 'b.yaml': 'new' })
    const second = await source.snapshot(signal)
    t.not(second.revision.id, first.revision.id)
    t.strictSame(await contents(second), { 'a.yaml': '2', 'b.yaml': 'new' })
  })

  t.test('keeps the id of what did not change, and drops what went', async (t) => {
    const { place, source } = await begin(t, { 'a.yaml': '1', 'b.yaml': '2', 'c/d.yaml': '3' })
    const first = await source.snapshot(signal)
    await place.change({ 'b.yaml': 'x', 'c/d.yaml': null })
    const second = await source.snapshot(signal)
    t.equal(idOf(second, 'a.yaml'), idOf(first, 'a.yaml'))
    t.strictSame(paths(second), ['a.yaml', 'b.yaml'])
  })

  t.test('reads a sub-path as if there were nothing else', async (t) => {
    const { source } = await begin(
      t,
      { 'fleet/north/a.yaml': '1', 'fleet/north/b/c.yaml': '2', 'fleet/south.yaml': '3' },
      { path: './fleet//north/' },
    )
    t.strictSame(paths(await source.snapshot(signal)), ['a.yaml', 'b/c.yaml'])
  })

  for (const path of ['missing', 'fleet/a.yaml', 'linked'])
    t.test(`says that the sub-path ${path} is no folder`, async (t) => {
      const { source } = await begin(t, { 'fleet/a.yaml': '1', linked: { link: 'fleet' } }, { path })
      await rejectsWith(t, source.snapshot(signal), 'path-not-found')
    })

  for (const path of [
    '..',
    'a/../../b',
    '/etc',
    'a\\b',
    'a\0b',
    '~/x',
    '.git',
    'a/.GIT',
    '-o',
    ':/x',
    'a\nb',
  ])
    t.test(`refuses the sub-path ${JSON.stringify(path)}`, async (t) => {
      const place = await make(t)
      t.throws(() => place.open({ path }), { name: 'SourceError', code: 'source-refused' })
    })

  t.test('follows links inside the tree, and no other', async (t) => {
    const { source } = await begin(t, {
      'real/a.yaml': 'content',
      'near.yaml': { link: 'real/a.yaml' },
      'real/up.yaml': { link: '../real/./a.yaml' },
      'chain.yaml': { link: 'near.yaml' },
      folder: { link: 'real' },
      'through.yaml': { link: 'folder/a.yaml' },
      'loop-a': { link: 'loop-b' },
      'loop-b': { link: 'loop-a' },
      self: { link: 'self/x' },
      nothing: { link: 'nowhere' },
      absolute: { link: '/etc/passwd' },
      above: { link: '../secret' },
      'deep/above': { link: '../../etc/passwd' },
      'around.yaml': { link: 'real/../../real/a.yaml' },
    })
    const snapshot = await source.snapshot(signal)
    t.strictSame(await contents(snapshot), {
      'chain.yaml': 'content',
      'near.yaml': 'content',
      'real/a.yaml': 'content',
      'real/up.yaml': 'content',
      'through.yaml': 'content',
    })
    t.strictSame(Object.fromEntries(snapshot.skipped.map(({ path, reason }) => [path, reason])), {
      above: 'symlink-outside',
      absolute: 'symlink-outside',
      'around.yaml': 'symlink-outside',
      'deep/above': 'symlink-outside',
      folder: 'not-a-file',
      'loop-a': 'not-a-file',
      'loop-b': 'not-a-file',
      nothing: 'not-a-file',
      self: 'not-a-file',
    })
  })

  t.test('takes a link out of the sub-path for one that leads outside', async (t) => {
    const { source } = await begin(
      t,
      { 'secret.yaml': 'other team', 'fleet/a.yaml': { link: '../secret.yaml' } },
      { path: 'fleet' },
    )
    t.strictSame((await source.snapshot(signal)).skipped, [{ path: 'a.yaml', reason: 'symlink-outside' }])
  })

  t.test('lists a file that is too large and does not read it', async (t) => {
    const { source } = await begin(t, { 'a.yaml': '1', 'big.yaml': 'x'.repeat(5 * 1024 * 1024 + 1) })
    const snapshot = await source.snapshot(signal)
    t.strictSame(paths(snapshot), ['a.yaml'])
    t.strictSame(snapshot.skipped, [{ path: 'big.yaml', reason: 'file-too-large' }])
  })

  t.test('says that something changed', async (t) => {
    const { place, source } = await begin(t, { 'a.yaml': '1' })
    let calls = 0
    const stop = new AbortController()
    const watching = source.watch(() => (calls += 1), stop.signal)
    await until('the watch stands', () => calls > 0)
    calls = 0
    await place.change({ 'a.yaml': '2' })
    await until('the change is seen', () => calls > 0)
    stop.abort()
    await watching
  })

  t.test('an abort ends a snapshot, a read and a watch', async (t) => {
    const { source } = await begin(t, { 'a.yaml': '1' })
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    await t.rejects(source.snapshot(aborted), reason)
    const snapshot = await source.snapshot(signal)
    await t.rejects(snapshot.read(snapshot.files, aborted), reason)
    await source.watch(() => {}, aborted)
  })

  t.test('an abort in the middle rejects, and the next snapshot is whole', async (t) => {
    const { source } = await begin(t, { 'a.yaml': '1', 'b.yaml': '2' })
    for (const delay of [0, 1, 2, 4, 8, 16]) {
      const stop = new AbortController()
      setTimeout(() => {
        stop.abort(new Error('enough'))
      }, delay)
      await source.snapshot(stop.signal).catch((error: unknown) => {
        t.match(error, { message: 'enough' })
      })
    }
    t.strictSame(await contents(await source.snapshot(signal)), { 'a.yaml': '1', 'b.yaml': '2' })
  })

  t.test('is closed for good', async (t) => {
    const { source } = await begin(t, { 'a.yaml': '1' })
    const watching = source.watch(() => {}, signal)
    await source[Symbol.asyncDispose]()
    await watching
    await t.rejects(source.snapshot(signal))
  })
}

/** The contents by path, as text. */
export async function contents(snapshot: Snapshot): Promise<Record<string, string>> {
  const blobs = await snapshot.read(snapshot.files, AbortSignal.timeout(60_000))
  return Object.fromEntries(snapshot.files.map(({ path, id }) => [path, String(blobs.get(id))]))
}

/** The paths of a snapshot's files. */
export function paths(snapshot: Snapshot): string[] {
  return snapshot.files.map((file) => file.path)
}

/** Expects a SourceError with that code, and gives it. */
export async function rejectsWith(
  t: Test,
  work: Promise<unknown>,
  code: SourceError['code'],
): Promise<SourceError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof SourceError)) throw new Error(`expected a SourceError ${code}`, { cause: error })
  t.equal(error.code, code, error.message)
  return error
}

function idOf(snapshot: Snapshot, path: string): string | undefined {
  return snapshot.files.find((file) => file.path === path)?.id
}
