import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RuntimeSettings } from '../../launcher/wire.ts'
import type { FlowsWrite } from '../../reconciler/model/instance-storage.ts'
import { sha256 } from '../../reconciler/model/digest.ts'
import type { Store } from '../../reconciler/store/store.ts'
import { openDoors } from './door-fixture.ts'
import { prepareWithSignIn, type LauncherWithSignIn } from './launcher-with-sign-in.ts'
import { type Answer, type LauncherUnderTest, type Test, ask, member } from './launcher.ts'
import { severableLink, type SeverableLink } from './severable-link.ts'
import { until } from './until.ts'

export interface StoredInstance {
  readonly launcher: LauncherUnderTest
  readonly store: Store
  readonly link: SeverableLink
  /** The nodes of every deploy that the store has taken, in order. */
  readonly taken: readonly string[]
  /** Starts the launcher and signs `olga` in when Node-RED runs. */
  readonly start: () => Promise<void>
  readonly signIn: LauncherWithSignIn['signIn']
  /** Kills Node-RED as the kernel does when memory runs out, and waits until the launcher has another. */
  readonly killNodeRed: () => Promise<void>
  /** Stops Node-RED, changes something that it would write to, and starts it again. */
  readonly whileStopped: (change: () => void) => Promise<void>
  /** One request to Node-RED's admin API as `olga`. */
  readonly editor: (method: string, path: string, body?: unknown) => Promise<Answer>
  readonly deploy: (nodes: readonly object[], rev?: string) => Promise<Answer>
  /** What runs: waits until Node-RED has loaded its flows. */
  readonly running: () => Promise<readonly { readonly id: string }[]>
  readonly stored: () => Promise<readonly { readonly id: string }[] | undefined>
  /** The files of deploys that were not taken. */
  readonly apart: () => readonly string[]
}

export const uid = 'uid-1'

/** A launcher with a real Node-RED, before a real runtime door over a real store, by a link that can be cut. */
export async function storedInstance(
  t: Test,
  changes: Partial<RuntimeSettings> = {},
): Promise<StoredInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-test-doors-'))
  const taken: string[] = []
  const report = () => undefined
  const desk = { settings: () => launcher.door.settings, members: () => undefined, report }
  const doors = await openDoors({ testdir: () => folder, teardown: (end) => t.teardown(end) }, { desk })
  const { store } = doors
  const save = store.saveFlows.bind(store)
  store.saveFlows = async (owner: string, write: FlowsWrite) => {
    const result = await save(owner, write)
    if (result.saved) taken.push(write.nodes)
    return result
  }
  await store.allot({ uid, name: 'press-1', driver: 'localfs', tokenSha256: sha256('runtime-token') })
  const link = await severableLink(await doors.server.listen({ port: 0, host: '127.0.0.1' }))
  const members = [member('olga', '*'), member('vera', 'read'), member('dora', '')]
  const { launcher, signIn } = await prepareWithSignIn(t, { members, ...changes }, undefined, link.url)
  t.teardown(async () => {
    await link[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  return { launcher, signIn, ...editing(launcher, store, signIn), store, link, taken }
}

function editing(launcher: LauncherUnderTest, store: Store, signIn: LauncherWithSignIn['signIn']) {
  let token: string | undefined
  const editor = async (method: string, path: string, body?: unknown) =>
    ask(`http://127.0.0.1:${launcher.port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'node-red-api-version': 'v2',
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const runs = async (other?: number) =>
    launcher.when('Node-RED runs', ({ phase, pid }) => phase === 'running' && pid !== other)
  return {
    editor,
    async start() {
      launcher.launch()
      await runs()
      token ??= await signIn('olga')
    },
    async killNodeRed() {
      const { pid } = await runs()
      if (pid === undefined) throw new Error('no process')
      process.kill(pid, 'SIGKILL')
      await runs(pid)
    },
    async whileStopped(change: () => void) {
      await launcher.admin('POST', '/stop')
      await launcher.when('Node-RED has ended', ({ phase }) => phase === 'stopped')
      change()
      await launcher.admin('POST', '/start')
      await runs()
    },
    deploy: async (nodes: readonly object[], rev?: string) =>
      editor('POST', '/flows', { flows: nodes, ...(rev === undefined ? {} : { rev }) }),
    running: async () =>
      until('flows are loaded', async () => {
        const { status, text } = await editor('GET', '/flows')
        // Node-RED answers null until it has loaded them
        return status === 200 && text !== '' ? JSON.parse(text)?.flows : undefined
      }),
    async stored() {
      const found = await store.flows(uid)
      return found && JSON.parse(found.nodes)
    },
    apart: () => {
      const folder = join(launcher.directory, 'storage', 'not-delivered')
      return existsSync(folder) ? readdirSync(folder).toSorted() : []
    },
  }
}
