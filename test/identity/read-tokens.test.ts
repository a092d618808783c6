import t from 'tap'
import { ownerOfToken } from '../../reconciler/identity/read-tokens.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { UserDocument } from '../../reconciler/model/resource.ts'

function user(name: string, tokens: NonNullable<UserDocument['spec']['tokens']>): UserDocument {
  return { apiVersion: 'weir/v1', kind: 'User', metadata: { name }, spec: { tokens } }
}

const now = new Date('2026-01-02T00:00:00Z')
const users = [
  user('alice', [{ name: 'ci', sha256: sha256('one'), expires: '2026-01-02T00:00:01Z' }]),
  user('bob', [
    { name: 'old', sha256: sha256('two'), expires: '2026-01-02T00:00:00Z' },
    { name: 'new', sha256: sha256('three') },
    { name: 'odd', sha256: sha256('four'), expires: 'some day' },
    { name: 'short', sha256: 'abcd' },
  ]),
]

t.test('a token belongs to its user until it expires', async (t) => {
  t.equal(ownerOfToken(users, 'one', now), 'alice')
  t.equal(ownerOfToken(users, 'one', new Date('2026-01-02T00:00:01Z')), undefined)
  t.equal(ownerOfToken(users, 'two', now), undefined)
  t.equal(ownerOfToken(users, 'three', now), 'bob')
  t.equal(ownerOfToken(users, 'four', now), undefined, 'an expiry that cannot be read is past')
  t.equal(ownerOfToken(users, '', now), undefined)
  t.equal(ownerOfToken(users, sha256('three'), now), undefined, 'its hash opens nothing')
})

t.test('a token opens the status unless it is for instances only', async (t) => {
  const carol = user('carol', [
    { name: 'status', sha256: sha256('a'), for: ['status'] },
    { name: 'instances', sha256: sha256('b'), for: ['instances'] },
    { name: 'both', sha256: sha256('c'), for: ['instances', 'status'] },
  ])
  t.strictSame(
    ['a', 'b', 'c'].map((token) => ownerOfToken([carol], token, now)),
    ['carol', undefined, 'carol'],
  )
})
