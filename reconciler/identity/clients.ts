import type { ClientMetadata } from 'oidc-provider'
import { isForEndpoints, redirectUrisOf } from '../model/instance-urls.ts'
import type { Secret } from '../model/secret.ts'
import { permissionsOf, visitedInstance, type Directory, type VisitedInstance } from './directory.ts'

/** The status door, as a client of the identity door. */
export const statusClient = 'weir-status'
/** Programs of people, on their own machines, that read the status for them (RFC 8252). */
export const nativeClient = 'weir-cli'

/** The scope of an access token that is good for the status door. No instance can ask for it. */
export const statusScope = 'status'

export interface ClientDeps {
  readonly directory: Directory
  readonly clientSecretOf: (clientId: string) => Secret
  /** Where the status door takes the answer of a sign-in. */
  readonly statusRedirectUri: string
}

const codeFlow = {
  response_types: ['code' as const],
  grant_types: ['authorization_code', 'refresh_token'],
}

/**
 * A client as OpenID Connect describes it (Dynamic Client Registration 1.0, section 2), made anew whenever it is asked
 * for: nothing of it is kept, so that an instance that is gone is no client any more.
 */
export function clientMetadata(id: string, deps: ClientDeps): ClientMetadata | undefined {
  const confidential = () => ({
    client_id: id,
    client_secret: deps.clientSecretOf(id).reveal(),
    token_endpoint_auth_method: 'client_secret_basic' as const,
  })
  if (id === statusClient)
    return {
      ...codeFlow,
      ...confidential(),
      client_name: 'Weir',
      redirect_uris: [deps.statusRedirectUri],
      scope: `openid ${statusScope}`,
    }
  if (id === nativeClient)
    return {
      ...codeFlow,
      client_id: id,
      client_name: 'A program on your machine',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      // of any port: a loopback address is compared without it (RFC 8252, section 7.3)
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
      scope: `openid ${statusScope}`,
    }
  const instance = visitedInstance(deps.directory, id)
  if (instance === undefined || instance.urls.length === 0) return undefined
  return {
    ...codeFlow,
    ...confidential(),
    client_name: instance.name,
    redirect_uris: [...redirectUrisOf(instance.urls)],
    post_logout_redirect_uris: [...instance.urls],
    scope: 'openid profile email',
  }
}

export type Admission =
  | { readonly kind: 'admitted' }
  | {
      readonly kind: 'refused'
      readonly instance: VisitedInstance
      /** `no-editor`: dashboard users may use the endpoints, and asked for the editor. */
      readonly reason: 'not-a-member' | 'no-editor'
    }

/** Whether a user may be sent to a client now. Whoever is declared may read the status, as much of it as is theirs. */
export function admissionOf(
  directory: Directory,
  user: string,
  { clientId, redirectUri }: { readonly clientId: string; readonly redirectUri: string | undefined },
): Admission {
  const instance = visitedInstance(directory, clientId)
  if (instance === undefined) return { kind: 'admitted' }
  const permissions = permissionsOf(directory, user, instance)
  if (permissions === undefined) return { kind: 'refused', instance, reason: 'not-a-member' }
  if (permissions === '' && redirectUri !== undefined && !isForEndpoints(redirectUri))
    return { kind: 'refused', instance, reason: 'no-editor' }
  return { kind: 'admitted' }
}
