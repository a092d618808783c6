import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Identity } from '../../../identity/identity.ts'
import { problemPage } from '../../../identity/pages.ts'
import { interactionIn, type UpstreamFailure } from '../../../identity/upstream.ts'
import { cookie, readCookie } from '../../cookies.ts'
import { Problem } from '../../problem.ts'
import { clientOf, interactionOf, sendExpired, signedIn, type Interaction, type Uid } from './interaction.ts'
import { beginHook, sendPage } from './page-reply.ts'

const hidden = { schema: { hide: true } }

/** Holds a sign-in under way at the upstream: one for each sign-in under way here, by its path. */
const pendingCookie = 'weir_upstream'

/** Sign-in by the provider that the configuration names, if it names one. */
export function upstreamRoutes(app: FastifyInstance, identity: Identity): void {
  const { upstream } = identity
  if (upstream === undefined) return
  const closing = new AbortController()
  app.addHook('preClose', () => closing.abort())
  /** Each asks something of the upstream. */
  const limited = { ...hidden, onRequest: beginHook(identity.askUpstream) }

  app.get<Uid>('/interaction/:uid/upstream', limited, async (request, reply) => {
    const interaction = await interactionOf(identity, request, reply)
    if (interaction === undefined) return sendExpired(reply)
    const begun = await upstream.begin(interaction.uid, closing.signal)
    if ('url' in begun) {
      reply.header('set-cookie', pending(identity, interaction, begun.note, upstream.patience))
      return reply.header('cache-control', 'no-store').redirect(begun.url.href, 303)
    }
    request.log.warn({ err: begun.failed }, 'the upstream identity provider cannot be reached')
    return sendFailure(identity, interaction, 'unreachable', reply)
  })

  // The one place that is registered at the upstream. The browser's proof is bound to the path of its sign-in: there it goes.
  app.get('/upstream/callback', hidden, async (request, reply) => {
    const search = searchOf(request)
    const uid = interactionIn(new URLSearchParams(search).get('state') ?? '')
    if (uid === undefined) return sendExpired(reply)
    const next = `${identity.issuer}/interaction/${uid}/upstream/callback${search}`
    return reply.header('cache-control', 'no-store').redirect(next, 303)
  })

  app.get<Uid>('/interaction/:uid/upstream/callback', limited, async (request, reply) => {
    const interaction = await interactionOf(identity, request, reply)
    const users = identity.directory.people()?.users
    if (interaction === undefined || users === undefined) return sendExpired(reply)
    const note = readCookie(request.headers.cookie, pendingCookie)
    // it serves once
    reply.header('set-cookie', pending(identity, interaction, '', 0))
    const answer = await upstream.finish(
      { interaction: interaction.uid, search: searchOf(request), note },
      users,
      closing.signal,
    )
    const how = `by ${upstream.displayName}`
    if (answer.kind === 'user') {
      const { user, proof } = answer
      return signedIn(identity, { interaction, user, proof, how }, request, reply)
    }
    if (answer.cause !== undefined)
      request.log.warn(
        { err: answer.cause, why: answer.why },
        'the upstream identity provider signed nobody in',
      )
    await identity.tell({
      event: 'sign-in-refused',
      user: undefined,
      clientId: clientOf(interaction),
      message: `${how}: ${answer.why}`,
      address: request.ip,
    })
    return sendFailure(identity, interaction, answer.why, reply)
  })
}

function pending({ issuer }: Identity, { uid }: Interaction, note: string, seconds: number): string {
  const path = `${new URL(issuer).pathname}/interaction/${uid}/upstream`
  return cookie(pendingCookie, note, { path, secure: issuer.startsWith('https:'), seconds })
}

function searchOf(request: FastifyRequest): string {
  const at = request.url.indexOf('?')
  return at < 0 ? '' : request.url.slice(at)
}

const texts: { readonly [why in UpstreamFailure]: readonly [status: number, text: string] } = {
  unreachable: [502, 'It cannot be reached now, or does not answer as it should.'],
  refused: [403, 'It did not sign you in.'],
  expired: [400, 'The sign-in there took too long, or was used already.'],
  'no-verified-email': [
    403,
    'It did not tell a verified e-mail address of yours. Have the address verified there, and try again.',
  ],
  'unknown-email': [
    403,
    'No user is declared with your e-mail address. Ask a team owner to declare it in the fleet’s repository.',
  ],
  'ambiguous-email': [
    403,
    'Several users are declared with your e-mail address, so that it does not tell who you are. Ask for addresses that differ.',
  ],
}

async function sendFailure(
  { upstream, issuer }: Identity,
  { uid }: Interaction,
  why: UpstreamFailure,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (upstream === undefined) throw new Problem(404, 'There is nothing here.')
  const [status, text] = texts[why]
  const next = { href: `${issuer}/interaction/${uid}?as=another`, label: 'Sign in another way' }
  return sendPage(reply, status, problemPage(`Not signed in by ${upstream.displayName}`, text, next))
}
