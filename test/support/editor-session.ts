import { Visitor, type Page } from './visitor.ts'

/**
 * Signs in to an editor by the way that its browser page takes: to the provider, through its form, back with a code,
 * and then the code for a token. Gives the bearer token of the session; undefined where somebody is not let in.
 */
export async function editorSession(
  editor: string,
  username: string,
  password = `${username}-password`,
  visitor = new Visitor(),
): Promise<string | undefined> {
  const arrived = await signInToEditor(editor, username, password, visitor)
  return tokenFor(editor, arrived, visitor)
}

/** The page that sign-in ends at, or the redirect to the editor with its code. */
export async function signInToEditor(
  editor: string,
  username: string,
  password: string,
  visitor: Visitor,
): Promise<Page> {
  const atEditor = (location: string) => location.startsWith(`${editor}?code=`)
  const page = await visitor.open(`${editor}auth/strategy`, atEditor)
  if (page.status !== 200 || !/type="password"/.test(page.text)) return page
  const form = { text: username, email: username, password }
  return visitor.submit(page, form, atEditor)
}

/** What the editor's page does with the code that it was opened with. */
export async function tokenFor(
  editor: string,
  { url }: Page,
  visitor = new Visitor(),
): Promise<string | undefined> {
  const [, code] = /[?&]code=(.*?)(?:$|&)/.exec(url) ?? []
  if (code === undefined || !url.startsWith(editor)) return undefined
  const body = new URLSearchParams({ code })
  const { status, text } = await visitor.ask(`${editor}auth/token`, { method: 'POST', body })
  if (status !== 200) return undefined
  const session: { accessToken: string } = JSON.parse(text)
  return session.accessToken
}
