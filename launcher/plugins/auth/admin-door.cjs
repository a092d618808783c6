'use strict'

const { randomBytes } = require('node:crypto')
const { sendRefusal } = require('./refusals.cjs')

/**
 * @typedef {import('./guesses.cjs').Arrived & {
 *   headers: import('node:http').IncomingHttpHeaders, path?: string, query?: unknown, body?: unknown
 * }} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ username: string, permissions: '*' | 'read' }} User
 * @typedef {import('./refusals.cjs').Refusal} Refusal
 */

/**
 * Node-RED answers 404 at some of its own paths before it asks who is there; here they are 401. Everything else goes on
 * to Node-RED's own check, with sessions that no longer hold already ended: a bearer token may also be one of the flows'.
 *
 * A machine's token is checked here, and goes on under a name that this one request has. It opens no socket: Node-RED
 * keeps no note of what token a socket came with, so that nobody could close it when the token ends. One that cannot be
 * checked now is told when to come again, where the path is one of Node-RED's and no flow has a use for it.
 * @param {{
 *   keeper: { holds(token: string): Promise<boolean> },
 *   machine: (token: string, request: Request) => Promise<User | Refusal | undefined>,
 * }} parts
 */
function createAdminDoor({ keeper, machine }) {
  const closed = /^\/(flows|nodes|settings|comms|library|context)\/?$/i
  const ofNodeRed =
    /^\/(auth|comms|context|credentials|flows?|icons|library|locales|nodes|plugins|projects|settings)(\/|$)/i
  /** @type {Map<string, User>} */
  const machines = new Map()

  /**
   * @param {Request} request
   * @param {Response} response
   * @returns {Promise<boolean | Refusal>}
   */
  async function letIn(request, response) {
    const token = bearerOf(request)
    if (token === undefined) return false
    if (await keeper.holds(token).catch(() => false)) return true
    const user = await machine(token, request)
    if (user === undefined) return false
    if ('refused' in user) return user
    const name = randomBytes(32).toString('base64url')
    machines.set(name, user)
    response.once('close', () => machines.delete(name))
    request.headers.authorization = `Bearer ${name}`
    return true
  }
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  async function door(request, response, next) {
    takeHeaderOnly(request)
    const path = request.path ?? ''
    const answer = await letIn(request, response)
    if (typeof answer === 'object' && ofNodeRed.test(path)) return sendRefusal(response, answer)
    if (answer === true || !closed.test(path)) return next()
    response.statusCode = 401
    response.end()
  }
  /** Node-RED's token check. */
  const tokens = async (/** @type {string} */ name) => machines.get(name) ?? null
  return { door, tokens }
}

/** @param {{ headers: import('node:http').IncomingHttpHeaders }} request */
function bearerOf(request) {
  return /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

/**
 * Passport also takes a token from the query and from the body, which is read later: from places that logs and histories
 * keep, and that other sites' forms can fill (RFC 9700, section 4.3.2).
 * @param {Request} request
 */
function takeHeaderOnly(request) {
  for (const name of /** @type {const} */ (['query', 'body'])) {
    let kept = withoutToken(request[name])
    Object.defineProperty(request, name, {
      configurable: true,
      enumerable: true,
      get: () => kept,
      set: (/** @type {unknown} */ value) => {
        kept = withoutToken(value)
      },
    })
  }
}

/** @param {unknown} value */
function withoutToken(value) {
  if (typeof value !== 'object' || value === null || !('access_token' in value)) return value
  const { access_token: _, ...rest } = value
  return rest
}

module.exports = { bearerOf, createAdminDoor }
