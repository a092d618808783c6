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

export function stubDoor(stored?: string): StubDoor {
  const lost: Answer = { kind: 'unreachable', reason: 'nobody answers' }
  function put({ headers = {}, content = '' }: Asked): Answer {
    const current = door.stored === undefined ? undefined : `"${sha256(door.stored)}"`
    if (door.stored !== content && headers['if-match'] !== current) return { kind: 'answer', status: 412 }
    door.stored = content
    return { kind: 'answer', status: 204, tag: sha256(content) }
  }
  function get(): Answer {
    if (door.stored === undefined) return { kind: 'answer', status: 404 }
    return { kind: 'answer', status: 200, body: JSON.parse(door.stored), tag: sha256(door.stored) }
  }
  const door: StubDoor = {
    stored,
    mode: 'up',
    asked: [],
    before: async () => {},
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
