import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import type { Browser, Page } from './browse.ts'

/** What the upstream says of an account. */
export interface UpstreamAccount {
  readonly email?: string
  readonly email_verified?: boolean
}

/** A second oidc-provider with a sign-in page of its own, as a company has one. Closes with the test. */
export async function startUpstream(
  t: { teardown(end: () => unknown): void },
  options: { readonly redirectUri: string; readonly accounts: Readonly<Record<string, UpstreamAccount>> },
) {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  const issuer = `http://localhost:${address.port}`
  const accounts = new Map(Object.entries(options.accounts))
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'weir',
        client_secret: 'secret-of-weir-at-the-upstream',
        redirect_uris: [options.redirectUri],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['key of the upstream'] },
    interactions: { url: (_ctx, { uid }) => `/sign-in/${uid}` },
    findAccount: (_ctx, sub) =>
      accounts.has(sub) ? { accountId: sub, claims: () => ({ sub, ...accounts.get(sub) }) } : undefined,
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc
      if (client === undefined || session?.accountId === undefined) return undefined
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid email')
      await grant.save()
      return grant
    },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '', issuer)
    if (!url.pathname.startsWith('/sign-in/')) return void answer(request, response)
    const account = url.searchParams.get('account')
    if (account === null) {
      response.setHeader('content-type', 'text/html')
      return response.end('<title>Upstream</title><form method="get"><input name="account"></form>')
    }
    const result = account === 'refuse' ? { error: 'access_denied' } : { login: { accountId: account } }
    return void provider.interactionFinished(request, response, result)
  })
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  return { issuer, close }
}

/** Signs in at the upstream's page. */
export async function signInUpstream(browser: Browser, page: Page, account: string): Promise<Page> {
  return browser.submit(page, { account })
}
