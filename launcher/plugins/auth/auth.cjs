'use strict'
// Who may do what in this instance: the editor, its admin API, and the endpoints of its flows. Runs inside Node-RED, so
// it is CommonJS and loads nothing at start but Node.js; openid-client and argon2 come with Weir, when they are needed.

const { randomBytes } = require('node:crypto')
const { createAdminDoor } = require('./admin-door.cjs')
const { createBearers } = require('./bearers.cjs')
const { asUser, createEditorUsers } = require('./editor-users.cjs')
const { guardedDoors, openDoors } = require('./endpoint-doors.cjs')
const { createEndpointSessions, createMembersCheck } = require('./endpoint-session.cjs')
const { createMembership } = require('./membership.cjs')
const { createOpenSockets } = require('./open-sockets.cjs')
const { createBasicCheck } = require('./passwords.cjs')
const { addressOf } = require('./guesses.cjs')
const { mayActFrom } = require('./origins.cjs')
const { createProvider } = require('./provider.cjs')
const { createQuestions } = require('./questions.cjs')
const { createSessionKeeper } = require('./session-keeper.cjs')
const { createSignIn } = require('./sign-in.cjs')
const { createSignOut } = require('./sign-out.cjs')
const { createStrategy } = require('./strategy.cjs')

/**
 * @typedef {{
 *   membersFile: string, access: 'public' | 'basic' | 'members',
 *   identity?: import('./provider.cjs').Identity & { sessionHours?: number },
 *   declared: { endpoints: { cors?: import('./origins.cjs').Cors } },
 * }} AuthData
 */

/** Where the settings are those of an earlier version, which did not say. */
const usualSessionHours = 12
/** How soon an open socket notices that its member is gone. Requests notice at once. */
const lookAgainMs = 1000

/**
 * The part of Node-RED's settings that keeps its doors.
 * @param {AuthData} data
 * @param {NodeJS.Require} fromStack
 * @param {{
 *   openTokens: () => string[],
 *   tell: import('./strategy.cjs').Tell,
 * }} around `openTokens`: the tokens of the sessions of now; `tell`: for the audit trail.
 */
function createAuth(data, fromStack, { openTokens, tell }) {
  const { identity } = data
  const now = Date.now
  const membership = createMembership(data.membersFile)
  const provider = identity && createProvider(identity, now)
  const signIn = identity && provider && createSignIn({ identity, provider, membership, now })
  const seconds = Math.max(1, Math.round((identity?.sessionHours ?? usualSessionHours) * 60 * 60))
  const users = createEditorUsers(membership)
  const questions = provider && createQuestions({ provider, now })
  const bearers = createBearers({ membership, provider: questions, now })
  const keeper = createSessionKeeper({ membership, fromStack, openTokens })
  const sockets = createOpenSockets()
  const { door, tokens } = createAdminDoor({ keeper, machine: createMachine(membership, bearers) })
  const sessions = identity && createEndpointSessions({ identity, membership, now, seconds })
  const members = createMembersCheck({ signIn, sessions, bearers, tell })

  setInterval(() => {
    sockets.sweep()
    void keeper.sweep().catch(() => undefined)
  }, lookAgainMs).unref()

  return {
    adminAuth: {
      type: 'strategy',
      sessionExpiryTime: seconds,
      strategy: {
        name: 'weir',
        label: 'Sign in',
        strategy: createStrategy(signIn, users, tell),
        options: {},
        autoLogin: true,
      },
      users: (/** @type {string} */ name) => users.find(name),
      tokens,
    },
    httpAdminMiddleware: [
      createSignOut({ identity, provider, signIn, sessions }),
      ...(data.access === 'members' ? [members.routes] : []),
      door,
    ],
    ...doorsFor(data, { fromStack, membership, members, sockets, now, tell }),
  }
}

/**
 * @param {AuthData} data
 * @param {{
 *   fromStack: NodeJS.Require,
 *   membership: () => import('./membership.cjs').Membership,
 *   members: import('./endpoint-doors.cjs').Check,
 *   sockets: ReturnType<typeof createOpenSockets>,
 *   now: () => number,
 *   tell: import('./strategy.cjs').Tell,
 * }} parts
 */
function doorsFor({ access, identity, declared }, { fromStack, membership, members, sockets, now, tell }) {
  if (access === 'public') return openDoors()
  if (access === 'members') return guardedDoors(members, sockets)
  const mayAct = mayActFrom({ uris: identity?.redirectUris ?? [], cors: declared.endpoints.cors })
  // Without a provider there is no secret that outlives this process.
  const secret = identity?.clientSecret ?? randomBytes(32).toString('base64url')
  const grantOf = createBasicCheck({ fromStack, membership, now, mayAct, tell, secret })
  return guardedDoors({ grantOf, refuse: askForPassword }, sockets)
}

/**
 * @param {unknown} _request
 * @param {import('node:http').ServerResponse} response
 */
function askForPassword(_request, response) {
  response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="Node-RED", charset="UTF-8"' })
  response.end()
}

/**
 * What a machine may do at the admin API: a declared token reads at most.
 * @param {() => import('./membership.cjs').Membership} membership
 * @param {ReturnType<typeof createBearers>} bearers
 */
function createMachine(membership, bearers) {
  return async (/** @type {string} */ token, /** @type {import('./guesses.cjs').Arrived} */ request) => {
    const grant = await bearers(token, addressOf(request))
    if (grant === undefined || 'refused' in grant) return grant
    const user = asUser(membership().members.get(grant.username))
    if (user === undefined) return undefined
    return grant.declared ? { ...user, permissions: /** @type {const} */ ('read') } : user
  }
}

module.exports = { createAuth }
