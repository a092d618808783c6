import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createDirectorySource } from '../../reconciler/source/directory-source.ts'
import { lateSource } from '../../reconciler/source/late-source.ts'
import { SourceError } from '../../reconciler/source/source.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'

t.test('a folder that is not there yet is read once it is', async (t) => {
  const directory = join(t.testdir(), 'mounted-later')
  let there = false
  const watched = new AbortController()
  const waits: (() => void)[] = []
  const source = lateSource(
    async () => {
      if (!there) throw new SourceError('source-unreachable', `there is no folder ${directory}`)
      return createDirectorySource({ directory, clock: systemClock })
    },
    {
      description: 'the folder',
      clock: { sleep: async () => new Promise<void>((resolve) => void waits.push(resolve)) },
    },
  )
  await t.rejects(source.snapshot(watched.signal), { code: 'source-unreachable' })
  t.equal(source.description, 'the folder')
  const { promise: changed, resolve: onChange } = Promise.withResolvers<void>()
  const watching = source.watch(() => onChange(), watched.signal)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(waits.length, 1, 'it waits')
  await mkdir(directory)
  await writeFile(join(directory, 'a.yaml'), '1')
  there = true
  waits[0]?.()
  await changed
  t.same(
    (await source.snapshot(watched.signal)).files.map(({ path }) => path),
    ['a.yaml'],
  )
  watched.abort()
  await watching.catch(() => undefined)
  await source[Symbol.asyncDispose]()
})
