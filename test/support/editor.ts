import { editorSession } from './editor-session.ts'
import { ask, type Answer } from './launcher.ts'
import { until } from './until.ts'
import { Visitor } from './visitor.ts'

/** The editor of one instance, as a person that signed in sees it. */
export interface Editor {
  /** Deploys all flows. Answers as Node-RED does. */
  deploy(nodes: readonly object[]): Promise<Answer>
  /** What runs: waits until Node-RED has loaded its flows. */
  flows(): Promise<readonly { readonly id: string }[]>
}

/** A port of this machine; or what browsers know the editor by, and where a proxy would take them to. Both end in a slash. */
export type EditorPlace = number | { readonly url: string; readonly at: string }

/** Signs in. The one place where these tests know how that is done. */
export async function openEditor(place: EditorPlace, user: string, password: string): Promise<Editor> {
  const { url, at } = typeof place === 'number' ? onThisMachine(place) : place
  const token = await until('the editor lets them in', async () =>
    editorSession(url, user, password, new Visitor((address) => address.replace(url, at))),
  )
  const request = async (method: string, body?: unknown): Promise<Answer> =>
    ask(`${at}flows`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'node-red-api-version': 'v2',
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    deploy: async (nodes) => request('POST', { flows: nodes }),
    flows: async () =>
      until('flows are loaded', async () => {
        const answer = await request('GET').catch(() => undefined)
        return answer?.status === 200 ? JSON.parse(answer.text)?.flows : undefined
      }),
  }
}

function onThisMachine(port: number): Exclude<EditorPlace, number> {
  const url = `http://127.0.0.1:${port}/`
  return { url, at: url }
}
