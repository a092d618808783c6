import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Secret } from '../../reconciler/model/secret.ts'
import { createLogger } from '../../reconciler/telemetry/logger.ts'

function collector() {
  const lines: string[] = []
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  return { lines, destination }
}

t.test('a line is JSON with a time, a level, a constant message and what varies', async (t) => {
  const { lines, destination } = collector()
  const log = createLogger({ level: 'info', destination })
  log.child({ revision: 'abc' }).info({ instance: 'press' }, 'instance created')
  log.debug('not written')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 'info',
    time: /^\d{4}-\d\d-\d\dT/,
    revision: 'abc',
    instance: 'press',
    msg: 'instance created',
  })
})

t.test('no secret is written', async (t) => {
  const { lines, destination } = collector()
  for (const pretty of [false, true]) {
    const log = createLogger({ level: 'info', destination, pretty })
    log.error(
      { err: new Error('refused'), token: 'canary', request: { headers: { authorization: 'canary' } } },
      'failed',
    )
    log.info({ credentials: { adminToken: 'canary' }, wrapped: new Secret('canary') }, 'done')
  }
  while (lines.length < 4) await setImmediate()
  t.notMatch(lines.join(''), /canary/)
  t.match(lines[0], /refused/)
})

t.test('the log goes to standard error', async (t) => {
  const file = join(import.meta.dirname, '../../reconciler/telemetry/logger.ts')
  const script = `import { createLogger } from ${JSON.stringify(file)}; createLogger({ level: 'info' }).info('hello')`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  t.equal(stdout, '')
  t.match(stderr, /"msg":"hello"/)
})
