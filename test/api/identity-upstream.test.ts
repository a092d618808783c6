import * as oidc from 'openid-client'
import t from 'tap'
import { Secret } from '../../reconciler/model/secret.ts'
import { hashes } from '../support/door-fixture.ts'
import { fleetStatus } from '../support/fleet-fixture.ts'
import { freePortPair } from '../support/free-port.ts'
import {
  authorization,
  clientOf,
  countRecords,
  editorOf,
  openIdentityDoor,
  signIn,
  stopsAtInstances,
  type DoorOptions,
} from '../support/identity-door.ts'
import { signInUpstream, startUpstream } from '../support/upstream-provider.ts'

const accounts = {
  a1: { email: 'ALICE@Example.com', email_verified: true },
  v1: { email: 'victor@example.com', email_verified: false },
  n1: { email: 'nobody@example.com', email_verified: true },
  x1: { email: 'stranger@example.com', email_verified: true },
  t1: { email: 'twice@example.com', email_verified: true },
  e1: {},
}

/** Users of the fixture with these addresses. Default: two declare one. */
function declared(
  emails: Readonly<Record<string, string>> = { bob: 'twice@example.com', dora: 'twice@example.com' },
) {
  const status = fleetStatus(hashes)
  const { desired } = status
  if (desired === undefined) return status
  const users = new Map(desired.users)
  for (const [name, email] of Object.entries(emails)) {
    const user = users.get(name)
    if (user !== undefined) users.set(name, { ...user, spec: { ...user.spec, email } })
  }
  return { ...status, desired: { ...desired, users } }
}

async function openBoth(t: Parameters<typeof openIdentityDoor>[0], more: DoorOptions = {}) {
  const port = await freePortPair()
  const redirectUri = `http://127.0.0.1:${port}/identity/upstream/callback`
  /** What happens whenever the upstream is asked something. */
  const world = { asked: () => {} }
  const upstream = await startUpstream(t, { redirectUri, accounts })
  const door = await openIdentityDoor(t, {
    port,
    status: declared(),
    ...more,
    upstream: {
      issuer: upstream.issuer,
      clientId: 'weir',
      displayName: 'Plant <AD>',
      clientSecret: async () => {
        world.asked()
        return new Secret('secret-of-weir-at-the-upstream')
      },
    },
  })
  const client = await clientOf(door, 'uid-press')
  const begin = async () => {
    const browser = stopsAtInstances()
    const asked = await authorization(client, editorOf('uid-press'))
    return { browser, asked, page: await browser.open(asked.url) }
  }
  return { upstream, door, client, world, begin }
}

t.test('the declared address ties an account of the upstream to a user', async (t) => {
  const { client, begin } = await openBoth(t)
  const { browser, asked, page } = await begin()
  const there = await browser.click(page, 'Sign in with Plant <AD>')
  t.equal(there.title, 'Upstream')
  const answer = await signInUpstream(browser, there, 'a1')
  t.equal(answer.status, 0)
  const tokens = await oidc.authorizationCodeGrant(client, answer.url, {
    pkceCodeVerifier: asked.verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
  })
  t.match(tokens.claims(), { sub: 'alice', email: 'alice@example.com', weir_permissions: '*' })
})

t.test('an account that is nobody’s is told so', async (t) => {
  const { begin, door } = await openBoth(t)
  for (const [account, status, text] of [
    ['v1', 403, /verified e-mail address/],
    ['e1', 403, /verified e-mail address/],
    ['x1', 403, /No user is declared with your e-mail address/],
    ['t1', 403, /Several users are declared with your e-mail address/],
    ['n1', 403, /not a member of the team/],
    ['refuse', 403, /did not sign you in/],
  ] as const) {
    const { browser, page } = await begin()
    const there = await browser.click(page, 'Sign in with Plant <AD>')
    const refused = await signInUpstream(browser, there, account)
    t.equal(refused.status, status, account)
    t.match(refused.text, text, account)
    t.equal(refused.url.origin, door.url)
    if (account === 'n1') continue
    const again = await browser.click(refused, 'Sign in another way')
    t.equal((await signIn(browser, again, 'alice')).status, 0, 'by password, in the same sign-in')
  }
})

t.test('an answer of the upstream is good once, in the browser that asked', async (t) => {
  const { begin, door } = await openBoth(t)
  const { browser, page } = await begin()
  const answers: URL[] = []
  const watching = stopsAtInstances({
    stopAt: (url) => {
      if (url.pathname === '/identity/upstream/callback') answers.push(url)
      return ['12080'].includes(url.port)
    },
  })
  const asked = await authorization(await clientOf(door, 'uid-press'), editorOf('uid-press'))
  const there = await watching.click(await watching.open(asked.url), 'Sign in with Plant <AD>')
  t.equal((await signInUpstream(watching, there, 'a1')).status, 0)
  const [answer] = answers
  if (answer === undefined) throw new Error('no answer came by')
  t.equal((await watching.open(answer)).status, 400, 'used before')

  const begun = await browser.click(page, 'Sign in with Plant <AD>')
  const held: URL[] = []
  const victim = stopsAtInstances({
    stopAt: (url) => url.pathname.startsWith('/identity/') && held.push(url) > 0,
  })
  for (const header of browser.cookies.seen) victim.cookies.take(begun.url, [header])
  await signInUpstream(victim, begun, 'x1')
  const [stolen] = held
  if (stolen === undefined) throw new Error('no answer was held')
  t.equal((await stopsAtInstances().open(stolen)).status, 400, 'another browser')
  const forged = new URL(stolen)
  forged.searchParams.set('state', 'forged')
  t.equal((await browser.open(forged)).status, 400, 'a state of nobody')
})

t.test('junk at the way back costs one entry and no record, and has to wait in the end', async (t) => {
  const { begin, door } = await openBoth(t, { beginLimit: { begun: 2, window: 300 } })
  const { browser, page } = await begin()
  const records = await countRecords(door)
  const callback = `${page.url.href}/upstream/callback`
  await browser.click(page, 'Sign in with Plant <AD>')
  const statuses: number[] = []
  for (let index = 0; index < 10; index++)
    statuses.push((await browser.open(`${callback}?code=x&state=junk-${index}`)).status)
  t.strictSame(statuses, [...Array.from({ length: 7 }, () => 400), ...Array.from({ length: 3 }, () => 429)])
  t.equal((await browser.click(page, 'Sign in with Plant <AD>')).status, 429)
  t.equal(await countRecords(door), records)
  t.match(await door.store.audit({ limit: 10 }), { length: 1 })
})

t.test('as many sign in by the upstream as may begin', async (t) => {
  const { begin } = await openBoth(t, { beginLimit: { begun: 2, window: 300 } })
  const begun = [await begin(), await begin()]
  t.equal((await begin()).page.status, 429)
  for (const { browser, page } of begun) {
    const there = await browser.click(page, 'Sign in with Plant <AD>')
    t.equal((await signInUpstream(browser, there, 'a1')).status, 0)
  }
})

t.test('an address that is another one by the time the upstream answers signs nobody in', async (t) => {
  const { begin, door, world } = await openBoth(t)
  const { browser, page } = await begin()
  const there = await browser.click(page, 'Sign in with Plant <AD>')
  world.asked = () => door.set(declared({ alice: 'alice@another.example.com' }))
  t.equal((await signInUpstream(browser, there, 'a1')).title, 'Sign in')
})

t.test('while the upstream is away, the password works, and the page says so', async (t) => {
  const { upstream, begin } = await openBoth(t)
  await upstream.close()
  const { browser, page } = await begin()
  const failed = await browser.click(page, 'Sign in with Plant <AD>')
  t.equal(failed.status, 502)
  t.match(failed.text, /cannot be reached now/)
  const again = await browser.click(failed, 'Sign in another way')
  t.equal((await signIn(browser, again, 'alice')).status, 0)
})
