import { createHmac } from 'node:crypto'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as oidc from 'openid-client'
import t from 'tap'
import { createBrowser } from '../support/browse.ts'
import { asRecord, end, instanceManifest, password, platform, setUpFleet } from '../support/fleet.ts'
import { authorization, failureOf } from '../support/identity-door.ts'
import { until } from '../support/until.ts'

t.test(
  'a commit decides who signs in to an instance, and what they may do',
  { timeout: 120_000 },
  async (t) => {
    const fleet = await setUpFleet(t)
    const { repository } = fleet
    await repository.write(
      'press.yaml',
      instanceManifest('press', 'state: stopped, hostname: press.example.com'),
    )
    await repository.commit('An instance')
    const server = await fleet.serve()
    const view = await fleet.ready('press')
    const uid = String(view['uid'])
    const key = Buffer.from((await readFile(join(fleet.data, 'fleet.key'), 'utf8')).trim(), 'hex')
    const derive = (purpose: string) =>
      createHmac('sha256', key).update(`${purpose}\0${uid}`).digest('base64url')

    const headers = { authorization: `Bearer ${derive('runtime-token')}` }
    const told = async (text = '') =>
      until('the instance is told', async () => {
        const answer = await fetch(`${fleet.url}/runtime/v1/settings`, { headers }).then(async (one) =>
          one.text(),
        )
        return answer.includes(text) ? asRecord(JSON.parse(answer)) : undefined
      })
    const editor = `http://127.0.0.1:${fleet.firstPort}/`
    const identity = {
      issuer: `${fleet.url}/identity`,
      backChannel: `${fleet.url}/identity`,
      clientId: uid,
      clientSecret: derive('oidc-client'),
      redirectUris: [editor, 'https://press.example.com/'].flatMap((url) => [
        `${url}auth/strategy/callback`,
        `${url}_weir/callback`,
      ]),
      sessionHours: 12,
    }
    t.strictSame((await told())['identity'], identity, 'what an instance is told')

    const client = await oidc.discovery(
      new URL(identity.backChannel),
      uid,
      identity.clientSecret,
      undefined,
      {
        execute: [oidc.allowInsecureRequests],
      },
    )
    const browser = createBrowser({ stopAt: ({ port }) => port === String(fleet.firstPort) })
    const asked = await authorization(client, `${editor}auth/strategy/callback`)
    const answer = await browser.submit(await browser.open(asked.url), { name: 'bob', password })
    const tokens = await oidc.authorizationCodeGrant(client, answer.url, {
      pkceCodeVerifier: asked.verifier,
      expectedState: asked.state,
      expectedNonce: asked.nonce,
    })
    t.match(tokens.claims(), { sub: 'bob', weir_permissions: 'read' })
    const info = async () => oidc.fetchUserInfo(client, tokens.access_token, 'bob')

    await repository.write(
      'platform.yaml',
      platform.replace('{ user: bob, role: viewer }', '{ user: bob, role: owner }'),
    )
    await repository.commit('Bob owns')
    await until('bob may edit', async () => (await info())['weir_permissions'] === '*')

    const bobEdits = '"username":"bob","permissions":"*"'
    const before = await told(bobEdits)
    await end(server, 'SIGKILL')
    await appendFile(fleet.config, 'identity: { sessionHours: 8 }\n')
    const next = await fleet.serve()
    await until('Git was read', async () => fleet.instance('press'))
    const now = await told(bobEdits)
    t.match(now, { identity: { sessionHours: 8 } })
    t.not(now['digest'], before['digest'], 'so that the instance fetches it')
    t.match(await info(), { sub: 'bob' }, 'a killed reconciler forgets no session')

    await repository.write('platform.yaml', platform.replace(', { user: bob, role: viewer }', ''))
    await repository.commit('Without bob')
    await until('bob is out', async () => (await failureOf(info())) !== undefined)
    const page = await browser.open((await authorization(client, `${editor}auth/strategy/callback`)).url)
    t.equal(page.status, 403)
    t.match(page.text, /signed in as bob/)
    await end(next, 'SIGTERM')
  },
)
