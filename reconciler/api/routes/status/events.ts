import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { viewerOf as viewerNamed } from '../../../identity/permissions.ts'
import type { Viewer } from '../../../model/viewer.ts'
import { eventView, type EventView } from '../../../status/event-view.ts'
import type { DoorDeps } from '../../deps.ts'
import { problemResponses } from '../../problem.ts'
import { text } from '../../schemas.ts'
import { viewerOf } from '../../sign-in.ts'
import { streamEnd, type StreamDeps } from '../../stream-end.ts'

/** A reader that is this many bytes behind is cut off: it may come again and ask for the present state. */
const longestBacklog = 1024 * 1024

const schema = {
  summary: 'What happens, as server-sent events: revision, plan, action, status.',
  description:
    'The data of an event is JSON. Events that were missed are not sent again: read the state after connecting.',
  response: {
    200: { description: 'A stream without end.', content: { 'text/event-stream': { schema: text } } },
    ...problemResponses,
  },
}

/** `GET /events` */
export function eventRoute(app: FastifyInstance, deps: StreamDeps): void {
  const { feed } = deps
  app.get('/events', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const stream = new Readable({ read: () => undefined })
    const send = (chunk: string): void => {
      if (stream.readableLength > longestBacklog) stream.destroy()
      else stream.push(chunk)
    }
    const present = presentViewer(feed, viewerOf(request).user)
    const signal = streamEnd(deps, request, reply, {
      beat: () => send(': still here\n\n'),
      hear: (event) => {
        const viewer = present()
        const shown = viewer && eventView(feed.current(), event, viewer)
        if (shown) send(asText(shown))
      },
    })
    signal.addEventListener('abort', () => stream.push(null))
    send(': welcome\n\n')
    return reply.type('text/event-stream').header('x-accel-buffering', 'no').send(stream)
  })
}

/** Who the user is now: Git may have changed their memberships since they connected. */
function presentViewer(feed: DoorDeps['feed'], user: string): () => Viewer | undefined {
  let known: { readonly desired: unknown; readonly viewer: Viewer | undefined } | undefined
  return () => {
    const { desired } = feed.current()
    if (known?.desired !== desired) known = { desired, viewer: desired && viewerNamed(desired, user) }
    return known?.viewer
  }
}

function asText(event: EventView): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
