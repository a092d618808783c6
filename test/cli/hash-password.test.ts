import { verify } from '@node-rs/argon2'
import { compare } from 'bcryptjs'
import t from 'tap'
import { runReconcile } from '../support/program.ts'

t.test('the first line of a pipe is hashed', async (t) => {
  for (const input of ['correct horse\n', 'correct horse', 'correct horse\r\nand more\n']) {
    const { code, stdout, stderr } = await runReconcile(['hash-password'], { input })
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /^\$argon2id\$v=19\$m=\d+,t=\d,p=1\$\S+\$\S+\n$/)
    t.ok(await verify(stdout.trim(), 'correct horse'))
    t.notOk(await verify(stdout.trim(), 'correct horse '))
  }
})

t.test('by bcrypt where that is asked for', async (t) => {
  const { code, stdout } = await runReconcile(['hash-password', '--bcrypt'], { input: 'correct horse\n' })
  t.equal(code, 0)
  t.match(stdout, /^\$2b\$\d\d\$[./A-Za-z0-9]{53}\n$/)
  t.ok(await compare('correct horse', stdout.trim()))
})

t.test('what cannot be a password', async (t) => {
  for (const [input, ...more] of [['short\n'], ['\n'], [''], ['x'.repeat(73), '--bcrypt']] as const) {
    const result = await runReconcile(['hash-password', ...more], { input })
    t.match(
      result,
      { code: 1, stdout: '', stderr: /^error: .*(?:at least 8|72 bytes)/ },
      JSON.stringify(input),
    )
  }
  const argument = await runReconcile(['hash-password', 'correct horse'])
  t.match(argument, { code: 1, stdout: '' }, 'never as an argument')
  t.notMatch(argument.stderr, /correct horse/)
})
