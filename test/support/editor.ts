import { editorSession } from './editor-session.ts'
import { ask, type Answer } from './launcher.ts'
import { until } from './until.ts'

/** The editor of one instance, as a person that signed in sees it. */
export interface Editor {
  /** Deploys all flows. Answers as Node-RED does. */
  deploy(nodes: readonly object[]): Promise<Answer>
  /** What runs: waits until Node-RED has loaded its flows. */
  flows(): Promise<readonly { readonly id: string }[]>
}

/** Signs in. The one place where these tests know how that is done. */
export async function openEditor(port: number, user: string, password: string): Promise<Editor> {
  const token = await until('the editor lets them in', async () =>
    editorSession(`http://127.0.0.1:${port}/`, user, password),
  )
  const request = async (method: string, body?: unknown): Promise<Answer> =>
    ask(`http://127.0.0.1:${port}/flows`, {
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
