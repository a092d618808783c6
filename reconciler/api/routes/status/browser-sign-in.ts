import type { FastifyInstance } from 'fastify'
import type { Identity } from '../../../identity/identity.ts'
import { pageHeaders, problemPage, signOutForm, signOutPage } from '../../../identity/pages.ts'
import { createStatusSignIn } from '../../../identity/status-sign-in.ts'
import { cookie, readCookie } from '../../cookies.ts'
import { sessionCookie } from '../../sign-in.ts'
import { acceptForms, field } from '../identity/form.ts'
import { sendPage, sendUnavailable } from '../identity/page-reply.ts'

/** Holds a sign-in under way, so that nobody can be made to finish somebody else's. */
const pendingCookie = 'weir_sign_in'

const hidden = { schema: { hide: true } }
/** Where people go who do not say where. */
const home = '/api/v1/fleet'

interface Next {
  readonly Querystring: { readonly next?: string }
}

/** `/api/sign-in`, `/api/sign-out`: a session for browsers, by the identity door. */
export function browserSignInRoutes(app: FastifyInstance, identity: Identity): void {
  const signIn = createStatusSignIn(identity)
  const secure = identity.issuer.startsWith('https:')
  const session = { path: '/api', secure, seconds: identity.sessionHours * 3600 }
  const pending = { path: '/api/sign-in', secure, seconds: 30 * 60 }
  acceptForms(app)

  app.get<Next>('/sign-in', hidden, async (request, reply) => {
    if (identity.directory.people() === undefined) return sendUnavailable(reply)
    const { note, url } = await signIn.begin(ownPath(request.query.next))
    return reply.header('set-cookie', cookie(pendingCookie, note, pending)).redirect(url.href, 303)
  })

  app.get('/sign-in/callback', hidden, async (request, reply) => {
    const note = readCookie(request.headers.cookie, pendingCookie)
    reply.header('set-cookie', cookie(pendingCookie, '', { ...pending, seconds: 0 }))
    const at = request.url.indexOf('?')
    try {
      const { user, proof, next } = await signIn.finish(note, at < 0 ? '' : request.url.slice(at))
      reply.header('set-cookie', cookie(sessionCookie, await identity.sessions.begin(user, proof), session))
      return await reply.redirect(next, 303)
    } catch (error) {
      request.log.warn({ err: error }, 'a sign-in to the status door was not finished')
      const text = 'This sign-in has expired, was finished already, or began in another browser.'
      const again = { href: '/api/sign-in', label: 'Sign in' }
      return sendPage(reply, 400, problemPage('Begin again', text, again))
    }
  })

  app.get('/sign-out', hidden, async (_request, reply) =>
    sendPage(reply, 200, signOutPage(signOutForm('/api/sign-out'))),
  )

  // Other sites cannot send it with the cookie, which is SameSite=Lax.
  app.post('/sign-out', hidden, async (request, reply) => {
    if (field(request, 'logout') !== 'yes') return reply.redirect(home, 303)
    const value = readCookie(request.headers.cookie, sessionCookie)
    if (value !== undefined) await identity.sessions.end(value)
    reply.header('set-cookie', cookie(sessionCookie, '', { ...session, seconds: 0 })).headers(pageHeaders())
    return reply.redirect(signIn.signOutUrl().href, 303)
  })
}

/** A path of ours and nothing else: `//host`, `/\host` and whatever a browser makes of them lead elsewhere. */
function ownPath(next: string | undefined): string {
  // a longer one would not fit into the cookie
  if (next === undefined || next.length > 1024 || !/^\/api\/[\w\-./?=&%]*$/.test(next)) return home
  const url = URL.parse(next, 'http://here.invalid')
  return url?.origin === 'http://here.invalid' && url.pathname.startsWith('/api/') ? next : home
}
