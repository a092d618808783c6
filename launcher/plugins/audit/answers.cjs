'use strict'
// What Node-RED's answers tell that its log does not: who was refused, and changes that it makes in silence. Pure.

/**
 * @typedef {import('./events.cjs').Told} Told
 * @typedef {{
 *   method: string,
 *   path: string,
 *   status: number,
 *   user: string | undefined,
 *   credential: boolean,
 *   body: unknown,
 * }} Answer `path`: with the root of the editor, without the query. `credential`: the request came with one.
 */

const reading = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * @param {Answer} answer
 * @returns {Told | undefined}
 */
function eventOfAnswer(answer) {
  const { status, user } = answer
  if (status === 401 || status === 403) return refusalOf(answer)
  const target = status < 300 ? changeOf(answer) : undefined
  return target === undefined ? undefined : { event: 'settings-changed', user, target }
}

/**
 * Looking at a page without a credential is what everybody does before a sign-in; the sign-in tells of itself.
 * @param {Answer} answer
 * @returns {Told | undefined}
 */
function refusalOf({ method, path, user, credential }) {
  const isQuestion = reading.has(method) && !credential
  if (isQuestion || /\/auth\/[^/]+$/.test(path)) return undefined
  return { event: 'access-refused', user, target: `${method} ${path}` }
}

/** @param {Answer} answer */
function changeOf({ method, path, body }) {
  const module = method === 'PUT' ? /\/nodes\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1] : undefined
  if (module !== undefined) return `nodes ${module} ${fieldOf(body, 'enabled') === false ? 'off' : 'on'}`
  if (method === 'POST' && path.endsWith('/flows/state')) return `flows ${String(fieldOf(body, 'state'))}`
  return undefined
}

/**
 * @param {unknown} body
 * @param {string} name
 * @returns {unknown}
 */
function fieldOf(body, name) {
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
}

module.exports = { eventOfAnswer }
