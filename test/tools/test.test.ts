import { execFile } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const program = join(import.meta.dirname, '../../tools/test.ts')

interface Told {
  readonly code: number
  readonly said: string
}

/** `npm test` with a tap that ends as it is told, on a machine whose Docker Engine does not answer. */
function npmTest(folder: string, ...words: readonly string[]): Promise<Told> {
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${folder}/none`,
    PATH: `${folder}:${process.env['PATH']}`,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...words], { env }, (error, stdout) => {
      resolve({ code: Number(error?.code ?? 0), said: stdout })
    })
  })
}

t.test('npm test says which suites had no engine, and how to run them', async (t) => {
  const folder = t.testdir({ tap: '#!/bin/sh\necho "tap $*"\nexit 3\n' })
  chmodSync(join(folder, 'tap'), 0o755)
  const { code, said } = await npmTest(folder, '--reporter=tap')
  t.equal(code, 3, 'its exit code is that of tap')
  const [first, ...rest] = said.trimEnd().split('\n')
  t.equal(first, 'tap run --reporter=tap')
  const line = rest.find((text) => text.includes('docker'))
  t.match(line, /^Left out: .*test\/images\/images\.test\.ts.*: .*test\/engines\/docker up && npm run image$/)
  t.notMatch(line, 'test/images/compose.test.ts', 'what needs none is not named')

  const named = await npmTest(folder, 'test/images/compose.test.ts')
  t.equal(
    named.said.trimEnd(),
    'tap run test/images/compose.test.ts',
    'nothing of what was asked for is left out',
  )
})
