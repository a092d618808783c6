import type { FastifyReply, FastifyRequest } from 'fastify'
import { readAuthorization } from '../identity/authorization-header.ts'
import { sha256 } from '../model/digest.ts'
import type { InventoryEntry } from '../model/inventory.ts'
import type { Store } from '../store/store.ts'
import { Problem } from './problem.ts'

/** The request decorator that holds which instance asks. */
export const instanceDecorator = 'instance'

/** A hook that lets only our instances in, each by its own token, and notes which it is. Runs before a body is read. */
export function instanceHook(store: Pick<Store, 'findByToken'>) {
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const presented = readAuthorization(request.headers.authorization ?? '')
    const entry = presented?.kind === 'bearer' ? await store.findByToken(sha256(presented.token)) : undefined
    if (!entry)
      throw new Problem(401, 'This is no instance of ours.', { 'www-authenticate': 'Bearer realm="Weir"' })
    request.setDecorator(instanceDecorator, entry)
  }
}

/** Which instance asks, in a route behind `instanceHook`. */
export function instanceOf(request: FastifyRequest): InventoryEntry {
  return request.getDecorator<InventoryEntry>(instanceDecorator)
}
