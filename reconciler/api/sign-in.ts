import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticate, Authentication } from '../identity/authenticate.ts'
import { assertNever } from '../model/assert-never.ts'
import type { Viewer } from '../model/viewer.ts'
import { readCookie } from './cookies.ts'
import { Problem } from './problem.ts'

/** The cookie of a browser that signed in at the identity door. */
export const sessionCookie = 'weir_session'

/** The request decorator that holds who asks. */
export const viewerDecorator = 'viewer'

/** A hook that lets only declared people in, and notes who it is. Runs before a body is read. */
export function signInHook(authenticate: Authenticate) {
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    request.setDecorator(viewerDecorator, await signIn(authenticate, request))
  }
}

/** @throws Problem 401, 429 or 503. */
export async function signIn(authenticate: Authenticate, request: FastifyRequest): Promise<Viewer> {
  return viewerIn(await authenticateRequest(authenticate, request))
}

export async function authenticateRequest(
  authenticate: Authenticate,
  request: FastifyRequest,
): Promise<Authentication> {
  const session = readCookie(request.headers.cookie, sessionCookie)
  return authenticate({
    authorization: request.headers.authorization,
    address: request.ip,
    ...(session === undefined ? {} : { session }),
  })
}

/** Who asks, in a route behind `signInHook`. */
export function viewerOf(request: FastifyRequest): Viewer {
  return request.getDecorator<Viewer>(viewerDecorator)
}

function viewerIn(answer: Authentication): Viewer {
  switch (answer.kind) {
    case 'viewer':
      return answer.viewer
    case 'refused':
      throw new Problem(401, 'Sign in with the name and password of a declared user, or with a read token.', {
        'www-authenticate': 'Basic realm="Weir", charset="UTF-8", Bearer realm="Weir"',
      })
    case 'limited':
      throw new Problem(429, 'Too many failed sign-ins; wait before the next one.', {
        'retry-after': String(answer.retryAfter),
      })
    case 'unavailable':
      throw new Problem(503, 'The source has not been read yet, so that nobody can sign in.', {
        'retry-after': '2',
      })
    default:
      return assertNever(answer)
  }
}
