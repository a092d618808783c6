import t from 'tap'
import { viewerOf } from '../../reconciler/identity/permissions.ts'
import { desiredState } from '../support/fleet-fixture.ts'

t.test('a role in a team gives a right, and nothing beyond it', async (t) => {
  const expected = {
    alice: { assembly: 'inspect', packing: 'none' },
    victor: { assembly: 'inspect', packing: 'none' },
    dora: { assembly: 'see', packing: 'none' },
    bob: { assembly: 'none', packing: 'inspect' },
    nobody: { assembly: 'none', packing: 'none' },
    root: { assembly: 'inspect', packing: 'inspect' },
  }
  for (const [user, rights] of Object.entries(expected))
    for (const [team, right] of Object.entries(rights))
      t.equal(viewerOf(desiredState(), user)?.right(team), right, `${user} ${team}`)
})

t.test('what is of no known team is for admins', async (t) => {
  t.equal(viewerOf(desiredState(), 'alice')?.right(undefined), 'none')
  t.equal(viewerOf(desiredState(), 'root')?.right(undefined), 'inspect')
})

t.test('who is not declared is nobody', async (t) => {
  t.equal(viewerOf(desiredState(), 'mallory'), undefined)
  t.equal(viewerOf(desiredState(), '__proto__'), undefined)
})
