import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sha256 } from '../../../model/digest.ts'

/** A name, a password, a token. */
const bodyLimit = 8 * 1024

/** Bodies of forms (application/x-www-form-urlencoded), and no others. */
export function acceptForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit },
    (_request, body, done) => done(null, new URLSearchParams(body.toString())),
  )
}

export function field(request: FastifyRequest, name: string): string {
  return request.body instanceof URLSearchParams ? (request.body.get(name) ?? '') : ''
}

/** Compares without telling by the time it takes how much is right. */
export function isSame(presented: string, expected: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(presented)), Buffer.from(sha256(expected)))
}
