import {
  interactionPolicy,
  Provider,
  type Account,
  type Configuration,
  type FindAccount,
  type JWK,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import { defined } from '../model/defined.ts'
import type { Secret } from '../model/secret.ts'
import { admissionOf, clientMetadata, nativeClient, statusScope, type ClientDeps } from './clients.ts'
import { permissionsOf, visitedInstance } from './directory.ts'
import { pageHeaders, problemPage, signedOutPage, signOutPage, stillSignedInPage } from './pages.ts'
import { isProved, type ProofOf } from './proof.ts'
import { createRecords, type RecordDeps } from './records.ts'

/** How long things last that are no choice of the operator, in seconds. */
const lifetimes = { code: 60, accessToken: 60 * 60, idToken: 60 * 60, interaction: 30 * 60 }

export interface ProviderDeps extends ClientDeps, RecordDeps {
  /** The URL that the world knows this door by, without a slash at its end. */
  readonly issuer: string
  /** How long a browser stays signed in, in hours. */
  readonly sessionHours: number
  readonly signingKey: JWK
  readonly cookieKey: Secret
  readonly proofOf: ProofOf
}

/**
 * The OpenID Connect provider: authorization code flow with PKCE (RFC 7636, S256 only) for every client, and nothing
 * else. People and clients are looked up whenever they are needed; sessions, codes and tokens are in the store.
 */
export function createProvider(deps: ProviderDeps): Provider {
  return new Provider(deps.issuer, {
    ...whatIsOffered(deps),
    ...whatLasts(deps),
    ...howPeopleAreAsked(deps),
  })
}

function whatIsOffered(deps: ProviderDeps): Configuration {
  return {
    jwks: { keys: [deps.signingKey] },
    responseTypes: ['code'],
    pkce: { required: () => true },
    subjectTypes: ['public'],
    scopes: ['openid', statusScope],
    claims: { openid: ['sub', 'weir_permissions'], profile: ['name'], email: ['email'] },
    // instances read the claims from the id token too
    conformIdTokenClaims: false,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      introspection: {
        enabled: true,
        allowedPolicy: async (ctx, client, token) =>
          client.clientAuthMethod !== 'none' &&
          token.clientId === client.clientId &&
          (await stillHolds(deps, ctx, token)),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => {
          const leadsTo = ctx.oidc.params?.['post_logout_redirect_uri']
          ctx.set(pageHeaders(typeof leadsTo === 'string' ? [leadsTo] : []))
          html(ctx, signOutPage(form, ctx.oidc.session?.accountId))
        },
        postLogoutSuccessSource: async (ctx) => {
          const { accountId } = await ctx.oidc.provider.Session.get(ctx)
          html(ctx, accountId === undefined ? signedOutPage() : stillSignedInPage(accountId))
        },
      },
    },
    renderError: async (ctx, { error, error_description: description }) =>
      html(ctx, problemPage('This cannot be done', `${error}: ${description ?? ''}`)),
  }
}

function html(ctx: KoaContextWithOIDC, page: string): void {
  ctx.type = 'html'
  ctx.body = page
}

function whatLasts(deps: ProviderDeps): Configuration {
  const session = Math.round(deps.sessionHours * 60 * 60)
  const { code, accessToken, idToken, interaction } = lifetimes
  const records = createRecords(deps)
  const cookie = {
    httpOnly: true,
    sameSite: 'lax' as const,
    signed: true,
    secure: deps.issuer.startsWith('https:'),
    path: new URL(deps.issuer).pathname,
  }
  return {
    adapter: (kind) =>
      kind === 'Client' ? { ...records(kind), find: async (id) => clientMetadata(id, deps) } : records(kind),
    ttl: {
      // one of nobody is there for a form to come back by
      Session: (_ctx, { accountId }) => (accountId === undefined ? interaction : session),
      Grant: session,
      RefreshToken: session,
      AccessToken: Math.min(accessToken, session),
      IdToken: Math.min(idToken, session),
      AuthorizationCode: code,
      Interaction: interaction,
    },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    // who signs out here is out everywhere
    expiresWithSession: async () => true,
    cookies: {
      keys: [deps.cookieKey.reveal()],
      names: { session: 'weir_identity', interaction: 'weir_interaction', resume: 'weir_resume' },
      long: cookie,
      short: { ...cookie, path: undefined },
    },
  }
}

function howPeopleAreAsked(deps: ProviderDeps): Configuration {
  return {
    findAccount: async (ctx, user, token) =>
      token !== undefined && !(await stillHolds(deps, ctx, token)) ? undefined : accountOf(deps, ctx, user),
    loadExistingGrant: async (ctx) => grantFor(deps, ctx),
    interactions: {
      policy: policy(deps),
      url: async (_ctx, { uid }) => `${deps.issuer}/interaction/${uid}`,
    },
  }
}

type Presented = NonNullable<Parameters<FindAccount>[2]> | InstanceType<Provider['ClientCredentials']>

/**
 * Whether whoever a code or a token was issued for may still use the client it was issued to, and the session that it came
 * from began with the password of today: what was lost by a commit is lost with the next question.
 */
async function stillHolds(
  { directory, proofOf }: ProviderDeps,
  { oidc: { client, provider } }: KoaContextWithOIDC,
  token: Presented,
): Promise<boolean> {
  if (client === undefined || !('accountId' in token) || token.accountId === undefined) return false
  const asked = { clientId: client.clientId, redirectUri: undefined }
  if (admissionOf(directory, token.accountId, asked).kind === 'refused') return false
  return isProved(provider, token, proofOf)
}

/** Somebody as they are now, for the client that asks. */
function accountOf(deps: ProviderDeps, ctx: KoaContextWithOIDC, user: string): Account | undefined {
  const { directory } = deps
  const document = directory.people()?.users.get(user)
  const clientId = ctx.oidc.client?.clientId
  if (document === undefined || clientId === undefined) return undefined
  const instance = visitedInstance(directory, clientId)
  const permissions = instance && permissionsOf(directory, user, instance)
  const { displayName, email } = document.spec
  return {
    accountId: user,
    claims: async () =>
      defined({ sub: user, name: displayName ?? user, email, weir_permissions: permissions }),
  }
}

/** Every client but a program on somebody's own machine is ours: nobody is asked whether they trust it. */
async function grantFor(deps: ProviderDeps, ctx: KoaContextWithOIDC) {
  const { client, session, result } = ctx.oidc
  if (client === undefined || session === undefined || refusal(deps, ctx) !== undefined) return undefined
  if (client.clientId === nativeClient && result?.consent === undefined) return undefined
  return (await knownGrant(ctx, client, session)) ?? newGrant(ctx, client, session)
}

type Oidc = KoaContextWithOIDC['oidc']

async function knownGrant(
  { oidc: { provider } }: KoaContextWithOIDC,
  { clientId }: Oidc['client'] & {},
  session: Oidc['session'] & {},
) {
  const known = session.grantIdFor(clientId)
  const found = known === undefined ? undefined : await provider.Grant.find(known)
  return found !== undefined && found.accountId === session.accountId ? found : undefined
}

async function newGrant(
  { oidc: { provider } }: KoaContextWithOIDC,
  { clientId, scope = 'openid' }: Oidc['client'] & {},
  { accountId }: Oidc['session'] & {},
) {
  if (accountId === undefined) return undefined
  const grant = new provider.Grant({ clientId, accountId })
  grant.addOIDCScope(scope)
  await grant.save()
  return grant
}

/** Why the user of the session may not be sent to the client that asks. */
export function refusal({ directory }: Pick<ProviderDeps, 'directory'>, ctx: KoaContextWithOIDC) {
  const { client, session, params } = ctx.oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const redirectUri = params?.['redirect_uri']
  const admission = admissionOf(directory, session.accountId, {
    clientId: client.clientId,
    redirectUri: typeof redirectUri === 'string' ? redirectUri : undefined,
  })
  return admission.kind === 'refused' ? admission : undefined
}

/** What must hold before a code is issued: signed in, still declared, admitted, and for a native client, asked. */
function policy(deps: ProviderDeps) {
  const { Prompt, Check, base } = interactionPolicy
  const prompts = base()
  const login = prompts.get('login')
  login?.checks.add(
    new Check('no_longer_proved', 'the user or the password is another one', 'login_required', (ctx) => {
      const { accountId: user, acr: proof } = ctx.oidc.session ?? {}
      if (user === undefined) return false
      return !deps.directory.people()?.users.has(user) || proof !== deps.proofOf(user)
    }),
  )
  const access = new Prompt(
    { name: 'access', requestable: false },
    new Check(
      'not_admitted',
      'the user may not use this client',
      'access_denied',
      (ctx) => refusal(deps, ctx) !== undefined,
    ),
  )
  prompts.add(access, 1)
  return prompts
}
