import t from 'tap'
import { withoutDocker } from '../../../engines/docker.ts'
import { beginInstance, setUpDocker } from '../../../support/docker.ts'
import { until } from '../../../support/until.ts'

void t.test('on a Docker Engine', { skip: withoutDocker }, async (t) => {
  const under = await setUpDocker(t)
  await t.test('one that was stopped still has its log', async (t) => {
    const one = await beginInstance(t, under)
    await one.create()
    await one.asExpected()
    const { uid } = one.instance
    const read = async (tail: number) => {
      const lines: string[] = []
      for await (const { text } of one.driver.logs?.(uid, { tail, follow: false }, one.signal) ?? [])
        lines.push(text)
      return lines
    }
    const hasStarted = (lines: readonly string[]) => lines.some((text) => /Started flows/.test(text))
    await until('it says that its flows run', async () => hasStarted(await read(500)))
    await one.update({ state: 'stopped' })
    const lines = await read(500)
    t.ok(hasStarted(lines))
    const last = await read(2)
    t.strictSame(last, lines.slice(-2))
    const page = await one.driver.logPage?.(uid, { limit: 3 }, one.signal)
    t.strictSame(
      page?.lines.map(({ text }) => text),
      lines.slice(-3),
    )
    t.match(page, { previous: /^-\d{16}$/ })
  })
})
