import { inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../reconciler/model/secret.ts'

t.test('a secret shows itself only to reveal', async (t) => {
  const secret = new Secret('canary')
  t.equal(secret.reveal(), 'canary')
  for (const shown of [String(secret), JSON.stringify({ secret }), inspect({ secret }), `${secret}`])
    t.notMatch(shown, /canary/)
})
