import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errors, type InteractionResults } from 'oidc-provider'
import { admissionOf } from '../../../identity/clients.ts'
import { ownersOf } from '../../../identity/directory.ts'
import type { Identity } from '../../../identity/identity.ts'
import { allowPage, problemPage, refusedPage, signInPage, type SignInPage } from '../../../identity/pages.ts'
import { checkPassword, type PasswordAnswer } from '../../../identity/password-sign-in.ts'
import { field, isSame } from './form.ts'
import { sendPage } from './page-reply.ts'

/** A sign-in under way, as the browser's cookie proves it to be this browser's. */
export type Interaction = Awaited<ReturnType<Identity['provider']['interactionDetails']>>

export interface Uid {
  readonly Params: { readonly uid: string }
  readonly Querystring: { readonly as?: string }
}

const hidden = { schema: { hide: true } }

/** The pages of a sign-in: name and password, no access, allow. */
export function interactionRoutes(app: FastifyInstance, identity: Identity): void {
  app.get<Uid>('/interaction/:uid', hidden, async (request, reply) => {
    const interaction = await interactionOf(identity, request, reply)
    if (interaction === undefined) return sendExpired(reply)
    if (request.query.as === 'another') return sendSignIn(identity, interaction, reply)
    switch (interaction.prompt.name) {
      case 'access':
        return sendRefused(identity, interaction, request, reply)
      case 'consent':
        return sendAllow(identity, interaction, reply)
      default:
        return sendSignIn(identity, interaction, reply)
    }
  })

  app.post<Uid>('/interaction/:uid', hidden, async (request, reply) => {
    const interaction = await interactionOf(identity, request, reply)
    if (interaction === undefined || !isOurs(identity, interaction, request)) return sendExpired(reply)
    const [name, password] = [field(request, 'name').trim(), field(request, 'password')]
    const answer = await checkPassword(identity, { name, password, address: request.ip })
    if (answer.kind === 'right')
      return signedIn(
        identity,
        { interaction, user: name, proof: answer.proof, how: 'by password' },
        request,
        reply,
      )
    // Who has to wait is told of no more: the trail is kept for ever, and anybody can ask on.
    if (answer.kind === 'wrong')
      await identity.tell({
        event: 'sign-in-refused',
        user: name,
        clientId: clientOf(interaction),
        message: 'wrong name or password',
        address: request.ip,
      })
    if (answer.kind === 'limited') reply.header('retry-after', String(answer.retryAfter))
    return sendSignIn(identity, interaction, reply, { name, answer })
  })

  app.post<Uid>('/interaction/:uid/allow', hidden, async (request, reply) => {
    const interaction = await interactionOf(identity, request, reply)
    if (interaction === undefined || !isOurs(identity, interaction, request)) return sendExpired(reply)
    if (interaction.prompt.name !== 'consent') return sendExpired(reply)
    return finish(identity, { consent: {} }, request, reply)
  })
}

/** The sign-in that the path names, if the browser has its cookie. */
export async function interactionOf(
  { provider }: Identity,
  request: FastifyRequest<Uid>,
  reply: FastifyReply,
): Promise<Interaction | undefined> {
  try {
    const interaction = await provider.interactionDetails(request.raw, reply.raw)
    return interaction.uid === request.params.uid ? interaction : undefined
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined
    throw error
  }
}

function isOurs({ formTokenOf }: Identity, { uid }: Interaction, request: FastifyRequest): boolean {
  return isSame(field(request, 'token'), formTokenOf(uid))
}

/** Lets the provider go on with somebody who has proved who they are. */
export async function signedIn(
  identity: Identity,
  {
    interaction,
    user,
    proof,
    how,
  }: {
    readonly interaction: Interaction
    readonly user: string
    readonly proof: string
    readonly how: string
  },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  await leaveOther(identity, interaction, user)
  const clientId = clientOf(interaction)
  await identity.tell({ event: 'sign-in', user, clientId, message: how, address: request.ip })
  return finish(identity, { login: { accountId: user, acr: proof } }, request, reply)
}

/** Another person's session in this browser ends where somebody signs in anew. */
async function leaveOther({ provider }: Identity, interaction: Interaction, user: string): Promise<void> {
  const { session } = interaction
  if (session?.accountId === undefined || session.accountId === user) return
  const other = await provider.Session.find(session.cookie)
  await other?.destroy()
  delete interaction.session
  await interaction.save(Math.max(1, interaction.exp - interaction.iat))
}

async function finish(
  { provider }: Identity,
  result: InteractionResults,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const next = await provider.interactionResult(request.raw, reply.raw, result)
  return reply.header('cache-control', 'no-store').redirect(next, 303)
}

export function clientOf({ params }: Interaction): string | undefined {
  return typeof params['client_id'] === 'string' ? params['client_id'] : undefined
}

function answersTo({ params }: Interaction): readonly string[] {
  return typeof params['redirect_uri'] === 'string' ? [params['redirect_uri']] : []
}

async function clientName({ provider }: Identity, interaction: Interaction): Promise<string> {
  const client = await provider.Client.find(clientOf(interaction) ?? '')
  return client?.clientName ?? 'Weir'
}

async function sendSignIn(
  identity: Identity,
  interaction: Interaction,
  reply: FastifyReply,
  failed?: { readonly name: string; readonly answer: PasswordAnswer },
): Promise<FastifyReply> {
  const action = `${identity.issuer}/interaction/${interaction.uid}`
  const problem = failed && problemOf(failed.answer)
  const page: SignInPage = {
    client: await clientName(identity, interaction),
    action,
    token: identity.formTokenOf(interaction.uid),
    ...(failed === undefined ? {} : { name: failed.name.slice(0, 63) }),
    ...(problem === undefined ? {} : { problem }),
    ...(identity.upstream === undefined
      ? {}
      : { upstream: { displayName: identity.upstream.displayName, href: `${action}/upstream` } }),
  }
  const status = failed === undefined ? 200 : failed.answer.kind === 'limited' ? 429 : 422
  return sendPage(reply, status, signInPage(page), answersTo(interaction))
}

function problemOf(answer: PasswordAnswer): SignInPage['problem'] {
  if (answer.kind === 'limited')
    return {
      title: 'Too many failed sign-ins',
      text: `Try again in ${Math.ceil(answer.retryAfter / 60)} min. A right password has to wait too.`,
    }
  return { title: 'Not signed in', text: 'There is no such user, or the password is another one.' }
}

/** Says that somebody may not use what they came for, and whom to ask; nothing is sent there. */
async function sendRefused(
  identity: Identity,
  interaction: Interaction,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const user = interaction.session?.accountId ?? ''
  const clientId = clientOf(interaction) ?? ''
  const admission = admissionOf(identity.directory, user, {
    clientId,
    redirectUri: answersTo(interaction)[0],
  })
  // a commit came in between
  if (admission.kind === 'admitted') return finish(identity, {}, request, reply)
  const { instance, reason } = admission
  await identity.tell({ event: 'access-refused', user, clientId, message: reason, address: request.ip })
  const page = refusedPage({
    user,
    client: instance.name,
    reason,
    team: instance.team,
    owners: ownersOf(identity.directory, instance.team),
    another: `${identity.issuer}/interaction/${interaction.uid}?as=another`,
  })
  return sendPage(reply, 403, page)
}

async function sendAllow(
  identity: Identity,
  interaction: Interaction,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const page = allowPage({
    user: interaction.session?.accountId ?? '',
    client: await clientName(identity, interaction),
    action: `${identity.issuer}/interaction/${interaction.uid}/allow`,
    token: identity.formTokenOf(interaction.uid),
  })
  return sendPage(reply, 200, page, answersTo(interaction))
}

export async function sendExpired(reply: FastifyReply): Promise<FastifyReply> {
  const text =
    'This sign-in has expired, was finished already, or began in another browser. Go back to where you came from and begin again.'
  return sendPage(reply, 400, problemPage('Begin again', text))
}
