import t from 'tap'
import { readAuthorization } from '../../reconciler/identity/authorization-header.ts'

function basic(pair: string | Buffer): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

t.test('Basic is a name up to the first colon and a password in UTF-8', async (t) => {
  t.same(readAuthorization(basic('alice:p:ä:')), { kind: 'basic', user: 'alice', password: 'p:ä:' })
  t.same(readAuthorization(basic('alice:')), { kind: 'basic', user: 'alice', password: '' })
  t.same(readAuthorization(basic('a:b').replace('Basic', 'bAsIc')), {
    kind: 'basic',
    user: 'a',
    password: 'b',
  })
})

t.test('Bearer is a token', async (t) => {
  t.same(readAuthorization('Bearer abc-._~+/=='), { kind: 'bearer', token: 'abc-._~+/==' })
  t.same(readAuthorization('bearer  x'), { kind: 'bearer', token: 'x' })
})

t.test('anything else is nothing', async (t) => {
  for (const header of [
    '',
    'Basic',
    'Basic ',
    'Bearer a b',
    'Digest abc',
    'Basic ***',
    basic('no colon'),
    basic(':no name'),
    basic(Buffer.from([0x61, 0x3a, 0xff])),
    `Bearer ${'x'.repeat(10)}\n`,
  ])
    t.equal(readAuthorization(header), undefined, JSON.stringify(header))
})
