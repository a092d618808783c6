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
  const told = status < 300 ? deedOf(answer) : undefined
  return told === undefined ? undefined : { ...told, user }
}

/**
 * Looking at a page without a credential is what everybody does before a sign-in; the sign-in tells of itself.
 * @param {Answer} answer
 * @returns {Told | undefined}
 */
function refusalOf({ method, path, user, credential }) {
  const isQuestion = reading.has(method) && !credential
  if (isQuestion || /\/auth\/[^/]+(\/callback)?$/.test(path)) return undefined
  return { event: 'access-refused', user, target: `${method} ${path}` }
}

/**
 * By method: a pattern for the path, behind whatever root the editor has, and what it tells.
 * @type {Readonly<Record<string, readonly (readonly [RegExp, (found: string, body: unknown) => Told])[]>>}
 */
const deeds = {
  GET: [
    // The nearest to an export that Node-RED has: all credentials of a node but its passwords, when its dialog opens.
    [/\/credentials\/([^/]+\/[^/]+)$/, (node) => ({ event: 'credentials-exported', target: node })],
  ],
  PUT: [
    [
      /\/nodes\/((?:@[^/]+\/)?[^/]+)$/,
      (module, body) => ({
        event: 'settings-changed',
        target: `nodes ${module} ${fieldOf(body, 'enabled') === false ? 'off' : 'on'}`,
      }),
    ],
  ],
  POST: [
    [/\/library\/[^/]+\/([^/]+\/.+)$/, (path) => ({ event: 'library-changed', target: path })],
    [
      /\/flows\/(state)$/,
      (_state, body) => ({ event: 'settings-changed', target: `flows ${String(fieldOf(body, 'state'))}` }),
    ],
  ],
}

/** @param {Answer} answer */
function deedOf({ method, path, body }) {
  for (const [pattern, telling] of deeds[method] ?? []) {
    const found = pattern.exec(path)?.[1]
    if (found !== undefined) return telling(decoded(found), body)
  }
  return undefined
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
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
