import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BeginSignIn } from '../../../identity/begin-limit.ts'
import { pageHeaders, problemPage } from '../../../identity/pages.ts'

/** Sends a page. `answersTo`: where an answer to its forms may lead beside this door. */
export async function sendPage(
  reply: FastifyReply,
  status: number,
  page: string,
  answersTo: readonly string[] = [],
): Promise<FastifyReply> {
  return reply.status(status).headers(pageHeaders(answersTo)).type('text/html; charset=utf-8').send(page)
}

/** Until Git was read nobody is known. */
export async function sendUnavailable(reply: FastifyReply): Promise<FastifyReply> {
  reply.header('retry-after', '2')
  const text = 'The source has not been read yet, so that nobody can sign in. Try again in a moment.'
  return sendPage(reply, 503, problemPage('Not yet', text))
}

/** A hook that counts what begins; 429 with `retry-after` where too much began at the address. */
export function beginHook(begin: BeginSignIn) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const wait = begin(request.ip)
    if (wait === 0) return
    reply.header('retry-after', String(wait))
    const text = `More sign-ins begin at your address than may. Try again in ${Math.ceil(wait / 60)} min.`
    await sendPage(reply, 429, problemPage('Too many sign-ins', text))
  }
}
