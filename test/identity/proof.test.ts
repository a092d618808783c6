import t from 'tap'
import { createMemberProof } from '../../reconciler/identity/proof.ts'
import { accessOf } from '../../reconciler/model/access-of.ts'
import type { UserDocument } from '../../reconciler/model/resource.ts'
import { derive } from '../support/door-fixture.ts'

function user(spec: UserDocument['spec'], name = 'alice'): UserDocument {
  return { apiVersion: 'weir/v1', kind: 'User', metadata: { name }, spec }
}

const passwordHash = '$2b$04$pnlebBN0w9r1KbEfs7wcceoyGX9hGd9vr/e377TMMgTU/pBL5paoC'
const email = 'alice@example.com'
const token = { name: 'ci', sha256: 'a'.repeat(64) }
const alice = user({ passwordHash, email })

t.test(
  'a member’s proof is another one for each instance, and whenever they sign in by something else',
  async (t) => {
    const proofOf = createMemberProof(derive)
    const proofs = [
      proofOf('press', alice),
      proofOf('wrapper', alice),
      proofOf('press', user({ passwordHash, email }, 'bob')),
      proofOf('press', user({ passwordHash })),
      proofOf('press', user({ email })),
      proofOf('press', user({ passwordHash, email: 'bob@example.com' })),
      proofOf('press', user({})),
    ]
    t.equal(new Set(proofs).size, proofs.length)
    for (const proof of proofs) t.match(proof, /^[\w-]{22}$/)
    const named = user({ passwordHash, email, displayName: 'Alice', tokens: [token], admin: true })
    t.equal(proofOf('press', named), proofs[0], 'and by nothing else')
  },
)

t.test('an instance is told whenever that, or a token, changes', async (t) => {
  const known = [
    user({}),
    user({ passwordHash }),
    user({ email }),
    alice,
    user({ passwordHash, email: 'bob@example.com' }),
    user({ passwordHash, tokens: [token] }),
    user({ tokens: [token] }),
  ].map((one) => accessOf(one, 'owner').password)
  t.equal(new Set(known).size, known.length)
  t.same(accessOf(user({ displayName: 'Alice' }), 'viewer'), { role: 'viewer' })
})
