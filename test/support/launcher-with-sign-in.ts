import type { RuntimeSettings } from '../../launcher/wire.ts'
import { editorSession } from './editor-session.ts'
import { openIdentityProvider, type Identity, type IdentityProvider } from './identity-provider.ts'
import { type LauncherUnderTest, type Test, prepareLauncher } from './launcher.ts'
import type { TestStack } from './stack.ts'

export interface LauncherWithSignIn {
  readonly launcher: LauncherUnderTest
  readonly provider: IdentityProvider
  /** For the settings of the instance, whatever else changes in them. */
  readonly identity: Identity
  readonly editor: string
  /** The token of a new editor session; undefined where somebody is not let in. */
  readonly signIn: (username: string, password?: string) => Promise<string | undefined>
}

/** A launcher whose instance has a provider where people sign in. `launch` starts it. */
export async function prepareWithSignIn(
  t: Test,
  changes: Partial<RuntimeSettings> = {},
  stack?: TestStack,
  runtimeUrl?: string,
): Promise<LauncherWithSignIn> {
  const provider = await openIdentityProvider(t)
  const launcher = await prepareLauncher(t, changes, stack, runtimeUrl)
  const identity = provider.clientFor(launcher.port)
  const { settings } = launcher.door
  if (settings !== undefined) launcher.door.settings = { ...settings, identity }
  const editor = `http://127.0.0.1:${launcher.port}/`
  const signIn = async (username: string, password?: string) => editorSession(editor, username, password)
  return { launcher, provider, identity, editor, signIn }
}

/** The same, started and answering. */
export async function startWithSignIn(
  t: Test,
  changes: Partial<RuntimeSettings> = {},
): Promise<LauncherWithSignIn> {
  const prepared = await prepareWithSignIn(t, changes)
  prepared.launcher.launch()
  await prepared.launcher.when('Node-RED runs', ({ phase }) => phase === 'running')
  return prepared
}
