import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { identityPath, type Identity } from '../../../identity/identity.ts'
import { pageHeaders, problemPage } from '../../../identity/pages.ts'
import { acceptForms } from './form.ts'
import { interactionRoutes } from './interaction.ts'
import { beginHook, sendPage, sendUnavailable } from './page-reply.ts'
import { upstreamRoutes } from './upstream.ts'

/**
 * The identity door: the OpenID Connect provider, mounted as it is, and the pages of a sign-in. It shares no credential
 * with the other doors.
 */
export function identityDoor(identity: Identity) {
  return async (app: FastifyInstance): Promise<void> => {
    app.addHook('onRequest', refuseFragment)
    await app.register(async (pages) => {
      acceptForms(pages)
      pages.addHook('onRequest', async (_request, reply) => {
        if (identity.directory.people() === undefined) await sendUnavailable(reply)
      })
      interactionRoutes(pages, identity)
      upstreamRoutes(pages, identity)
    })
    keepTidy(app, identity)
    await app.register(async (raw) => mountProvider(raw, identity))
  }
}

/**
 * No request target has a fragment (RFC 9112, section 3.2), and programs differ in where the path ends before one: what is
 * counted here must be what the provider answers.
 */
async function refuseFragment(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!request.url.includes('#')) return
  await sendPage(reply, 400, problemPage('This cannot be done', 'The address of a request has no # in it.'))
}

/** In milliseconds. */
const tidyInterval = 60_000

function keepTidy(app: FastifyInstance, { tidy }: Identity): void {
  let running: Promise<void> = Promise.resolve()
  const next = async (ending?: boolean): Promise<void> => {
    running = running
      .then(async () => tidy(ending))
      .catch((error: unknown) =>
        app.log.warn({ err: error }, 'the identity door could not tidy up the store'),
      )
    return running
  }
  let timer: NodeJS.Timeout | undefined
  app.addHook('onReady', async () => {
    timer = setInterval(() => void next(), tidyInterval).unref()
  })
  app.addHook('onClose', async () => {
    clearInterval(timer)
    await next(true)
  })
}

/** What says nothing of anybody, and so is answered also while nobody is known. */
const impersonal = ['/.well-known/openid-configuration', '/jwks']

/**
 * What makes a record for anybody who asks: a sign-in under way, a session of nobody that is to end. Of any case, as the
 * provider has it. The way back to a sign-in under way (`/auth/:uid`) is no beginning: it ends the record that it comes by.
 */
const recorded = /^\/(?:auth|session\/end)\/?$/i

/** Whose token it asks for, of any case. */
const userinfo = /^\/me(?:\/|$)/i

/** Hands requests over as they came: the provider reads bodies itself. */
function mountProvider(app: FastifyInstance, identity: Identity): void {
  const { provider, directory } = identity
  const begin = beginHook(identity.beginSignIn)
  provider.on('server_error', (_context, error) =>
    app.log.error({ err: error }, 'the identity door failed to answer'),
  )
  const answer = provider.callback()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _body, done) => done(null))
  app.all('/*', { schema: { hide: true } }, async (request, reply) => {
    const path = request.url.slice(identityPath.length).split('?', 1)[0] ?? ''
    if (directory.people() === undefined && !impersonal.includes(path)) return sendUnavailable(reply)
    if (recorded.test(path)) await begin(request, reply)
    if (reply.sent) return reply
    reply.hijack()
    for (const [name, value] of Object.entries(pageHeaders())) reply.raw.setHeader(name, value)
    await answer(asTheIssuer(request, identity), reply.raw)
    return reply
  })
}

/**
 * The request as it would be at the issuer's URL, whatever name and way it came by: every URL that the provider makes
 * and every rule on secure cookies follows from the issuer, and nothing from headers that anybody may send.
 */
function asTheIssuer(request: FastifyRequest, { issuer }: Identity): IncomingMessage {
  const { raw } = request
  const { host, protocol, pathname } = new URL(issuer)
  const path = (raw.url ?? '').slice(identityPath.length)
  raw.headers = {
    ...raw.headers,
    host,
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-for': request.ip,
  }
  delete raw.headers['x-forwarded-host']
  // As no form: a token belongs into the Authorization header, which no other site's form can fill (RFC 9700, section 4.3.2).
  if (userinfo.test(path)) delete raw.headers['content-type']
  return Object.assign(raw, { url: path, originalUrl: `${pathname}${path}` })
}
