import type { ChildProcess } from 'node:child_process'
import type { Browser, Page, WebSocket } from 'playwright-core'
import t from 'tap'
import { newPerson, openBrowser, visit } from '../support/browser.ts'
import {
  asRecord,
  end,
  instanceManifest,
  password,
  passwordHash,
  setUpFleet,
  type FleetUnderTest,
} from '../support/fleet.ts'
import { until } from '../support/until.ts'

const people = ['olga', 'mia', 'vera', 'dora', 'sam'] as const
const roles = { olga: 'owner', mia: 'member', vera: 'viewer', dora: 'dashboard' } as const
type Roles = Partial<Record<(typeof people)[number], string>>

function manifests(members: Roles = roles): string {
  const users = people.map(
    (name) => `apiVersion: weir/v1
kind: User
metadata: { name: ${name} }
spec: { passwordHash: "${passwordHash}" }
`,
  )
  const declared = Object.entries(members).map(([user, role]) => `{ user: ${user}, role: ${role} }`)
  const team = `apiVersion: weir/v1
kind: Team
metadata: { name: authors }
spec: { members: [ ${declared.join(', ')} ] }
`
  const press = instanceManifest('press', 'endpoints: { access: members }, editor: { tours: false }').replace(
    'team: line',
    'team: authors',
  )
  return [...users, team, press].join('---\n')
}

interface Test {
  teardown(end: () => unknown): void
}

interface Served {
  readonly fleet: FleetUnderTest
  readonly url: string
  readonly browser: Browser
  readonly server: ChildProcess
}

async function served(t: Test): Promise<Served> {
  const fleet = await setUpFleet(t)
  await fleet.repository.write('press.yaml', manifests())
  await fleet.repository.commit('An instance and its people')
  const server = await fleet.serve()
  const { url } = await fleet.ready('press')
  return { fleet, url: String(url), server, browser: await openBrowser(t) }
}

const deployButton = '#red-ui-header-button-deploy'

/** Signs somebody in who gets to see the editor. */
async function openEditor({ browser, url }: Served, name: string): Promise<Page> {
  const page = await newPerson(browser)
  await visit(page, url, name, password)
  await page.locator('#red-ui-workspace-chart').waitFor()
  await page.waitForFunction('RED.settings.user !== undefined && RED.comms !== undefined')
  return page
}

/** Adds a tab of that name to what the editor shows, and leaves it to be deployed. */
async function addTab(page: Page, label: string): Promise<void> {
  await page.evaluate(
    `RED.nodes.import([{ id: 'new', type: 'tab', label: ${JSON.stringify(label)} }], { generateIds: true }); RED.nodes.dirty(true)`,
  )
  await page.locator(`${deployButton}:not(.disabled)`).waitFor()
}

/** Deploys by the button. Returns the status that the editor was answered. */
async function deploy(page: Page): Promise<number> {
  const answered = page.waitForResponse(
    (response) => response.request().method() === 'POST' && new URL(response.url()).pathname === '/flows',
  )
  await page.locator(deployButton).click()
  return (await answered).status()
}

async function stored(fleet: FleetUnderTest): Promise<string> {
  const { code, stdout, stderr } = await fleet.run('flows', 'export', 'press')
  if (code !== 0) throw new Error(stderr)
  return stdout
}

async function trail(fleet: FleetUnderTest): Promise<readonly Record<string, unknown>[]> {
  const page = asRecord(await fleet.api('audit?instance=press&limit=100'))
  const entries: unknown = page?.['entries']
  return Array.isArray(entries) ? entries : []
}

const permissionsOf = async (page: Page): Promise<unknown> => page.evaluate('RED.settings.user.permissions')
const isOpen = (page: Page, holds: string) => page.evaluate(holds).catch(() => undefined)

t.test('each role sees of the editor what it may', async (t) => {
  const press = await served(t)
  for (const name of ['olga', 'mia'] as const) {
    const page = await openEditor(press, name)
    t.equal(await permissionsOf(page), '*', name)
    await addTab(page, `by ${name}`)
    t.equal(await deploy(page), 200, name)
  }
  t.match(await stored(press.fleet), /by olga[^]*by mia/)

  const vera = await openEditor(press, 'vera')
  t.equal(await permissionsOf(vera), 'read')
  await vera.locator('.red-ui-deploy-button-group.readOnly').waitFor()
  const forced = await vera.evaluate(
    `fetch('flows', { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer ' + RED.settings.get('auth-tokens').access_token }, body: '[]' }).then(({ status }) => status)`,
  )
  t.match(String(forced), /^40[13]$/, 'the server refuses what the page does not offer')

  for (const name of ['dora', 'sam'] as const) {
    const page = await newPerson(press.browser)
    await visit(page, press.url, name, password)
    await page
      .getByText(/may not|not allowed|no access/i)
      .first()
      .waitFor()
    t.equal(await page.locator('#red-ui-workspace-chart').count(), 0, `${name} sees no editor`)
    t.notMatch(page.url(), /code=/, `${name} gets no code`)
  }

  const deploys = await until('both deploys are in the trail', async () => {
    const found = (await trail(press.fleet)).filter(({ event }) => event === 'deploy')
    return found.length >= 2 && found
  })
  t.same(new Set(deploys.map(({ user }) => user)), new Set(['olga', 'mia']))
})

t.test('a commit that takes a right away ends what is open', async (t) => {
  const press = await served(t)
  const [olga, mia] = [await openEditor(press, 'olga'), await openEditor(press, 'mia')]
  const sockets: WebSocket[] = []
  olga.on('websocket', (socket) => sockets.push(socket))
  await olga.reload()
  await until('the editor has its socket', () => sockets.some((socket) => /\/comms/.test(socket.url())))
  const [comms] = sockets

  await press.fleet.repository.write('press.yaml', manifests({ mia: 'viewer', vera: 'owner' }))
  await press.fleet.repository.commit('olga leaves, mia only looks')
  await until('the socket of olga has ended', () => comms?.isClosed())
  await until(
    'olga is told that she may not',
    async () => (await isOpen(olga, `document.querySelector('#red-ui-workspace-chart') === null`)) === true,
  )
  await until('mia only looks', async () => (await isOpen(mia, 'RED.settings.user?.permissions')) === 'read')
  t.pass('both have lost what the commit took')
})

t.test('a deploy while the reconciler is away arrives later', async (t) => {
  const press = await served(t)
  const olga = await openEditor(press, 'olga')
  await end(press.server, 'SIGTERM')
  await addTab(olga, 'made in the dark')
  t.equal(await deploy(olga), 200)
  t.notMatch(await stored(press.fleet), /made in the dark/)
  await press.fleet.serve()
  await until('it has arrived', async () => /made in the dark/.test(await stored(press.fleet)))
  const found = await until('it is in the trail', async () =>
    (await trail(press.fleet)).find(({ event }) => event === 'deploy'),
  )
  t.equal(found['user'], 'olga')
})

t.test('two browsers deploying at once get one conflict', async (t) => {
  const press = await served(t)
  const [olga, mia] = [await openEditor(press, 'olga'), await openEditor(press, 'mia')]
  await addTab(olga, 'from olga')
  await addTab(mia, 'from mia')
  const answers = await Promise.all([deploy(olga), deploy(mia)])
  t.same(answers.toSorted(), [200, 409])
  const loser = answers[0] === 409 ? olga : mia
  await loser.locator('#red-ui-notifications [data-i18n="deploy.confirm.conflict"]').waitFor()
  const flows = await stored(press.fleet)
  t.equal([/from olga/, /from mia/].filter((tab) => tab.test(flows)).length, 1, 'one of them is stored')
})
