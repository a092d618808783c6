import { sha256 } from '../../reconciler/model/digest.ts'

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly content?: string
}
type Answer =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: unknown; readonly tag?: string }
  | { readonly kind: 'unreachable'; readonly reason: string }

/** What one path of the runtime door's storage does, in memory, for parts that run inside Node-RED. */
export interface StubDoor {
  /** JSON. Undefined: nothing was saved. */
  stored: string | undefined
  /** `deaf`: it does what it is asked and its answer is lost. */
  mode: 'up' | 'down' | 'deaf'
  /** What came, as `GET /path`. */
  readonly asked: string[]
  /** Waited for before any answer. */
  before: () => Promise<void>
  readonly ask: (method: string, path: string, more?: Asked) => Promise<Answer>
}

/** `tagOf` the content, and the `body` it is read as. */
interface Form {
  readonly tagOf: (content: string) => string
  readonly body: (content: string) => unknown
}

const asDocument: Form = { tagOf: sha256, body: JSON.parse }

export function stubDoor(stored?: string, { tagOf, body }: Form = asDocument): StubDoor {
  const lost: Answer = { kind: 'unreachable', reason: 'nobody answers' }
  function put({ headers = {}, content = '' }: Asked): Answer {
    const current = door.stored === undefined ? undefined : tagOf(door.stored)
    const tag = tagOf(content)
    const base = headers['if-match']?.slice(1, -1)
    if (tag !== current && base !== current) return { kind: 'answer', status: 412 }
    door.stored = content
    return { kind: 'answer', status: 200, tag, body: { revision: tag } }
  }
  function get(): Answer {
    if (door.stored === undefined) return { kind: 'answer', status: 404 }
    return { kind: 'answer', status: 200, body: body(door.stored), tag: tagOf(door.stored) }
  }
  const door: StubDoor = {
    stored,
    mode: 'up',
    asked: [],
    before: async () => undefined,
    async ask(method, path, more = {}) {
      door.asked.push(`${method} ${path}`)
      await door.before()
      if (door.mode === 'down') return lost
      const answer = method === 'GET' ? get() : put(more)
      return door.mode === 'deaf' ? lost : answer
    },
  }
  return door
}

/** The door's `/flows`. */
export function stubFlowsDoor(nodes?: readonly object[]): StubDoor {
  const tagOf = (content: string) => {
    const flows = JSON.parse(content)
    return sha256(`${JSON.stringify(flows.nodes)}\n${JSON.stringify(flows.credentials)}`)
  }
  const body = (content: string) => ({ ...JSON.parse(content), revision: tagOf(content) })
  return stubDoor(nodes && JSON.stringify({ nodes, credentials: {} }), { tagOf, body })
}
