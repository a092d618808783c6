'use strict'
// Turns the data in an instance's settings.js into Node-RED's settings. Runs inside Node-RED, so it is CommonJS and
// loads nothing but Node.js and what the stack brings.

const { createHash } = require('node:crypto')
const { readFileSync, statSync } = require('node:fs')
const { createRequire } = require('node:module')
const { createAudit } = require('../plugins/audit/audit.cjs')
const { createStorage } = require('../plugins/storage/storage.cjs')

/**
 * @typedef {{ username: string, passwordHash: string, permissions: '*' | 'read' | '' }} Member
 * @typedef {{ members: Map<string, Member>, version: string }} Membership
 * @typedef {{ headers: import('node:http').IncomingHttpHeaders, path?: string, query?: { access_token?: unknown } }} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ user: string, scope?: string | string[], expires: number, accessToken: string }} Session
 * @typedef {{ get(token: string): Promise<Session | null | undefined> }} Tokens
 * @typedef {{ compare(password: string, hash: string): Promise<boolean> }} Bcrypt
 * @typedef {{
 *   nodeRed: string, membersFile: string, host: string, port: number, credentialSecret: string,
 *   editor: boolean, title: string, access: 'public' | 'members',
 *   storage: import('../plugins/storage/storage.cjs').StorageData
 * }} Data
 */

/** What a comparison costs when there is nobody to compare with. */
const nobody = '$2b$10$CwTycUXWue0Thq9StjUM0uJ8bT5rCjH1rX1oDk8kVpQxY0eHnZb3u'
const verdictsKept = 500
/** How soon an open editor notices that its member is gone. Requests notice at once. */
const lookAgainMs = 1000

/**
 * The declared members, read again whenever their file changes. Where it cannot be read nobody is a member.
 * @param {string} file
 */
function createMembership(file) {
  /** @type {Membership} */
  let current = { members: new Map(), version: '' }
  return function membership() {
    try {
      const { mtimeMs, ctimeMs, ino, size } = statSync(file)
      const version = [mtimeMs, ctimeMs, ino, size].join(' ')
      if (version !== current.version) {
        /** @type {Member[]} */
        const list = JSON.parse(readFileSync(file, 'utf8'))
        current = { members: new Map(list.map((member) => [member.username, member])), version }
      }
    } catch {
      current = { members: new Map(), version: 'unreadable' }
    }
    return current
  }
}

/**
 * Compares passwords with the stack's own bcrypt, the native one where it is there, as Node-RED does.
 * An unknown user costs what a known one costs.
 * @param {NodeJS.Require} fromStack
 * @param {() => Membership} membership
 */
function createVerify(fromStack, membership) {
  /** @type {Bcrypt | undefined} */
  let bcrypt
  function load() {
    try {
      return fromStack('@node-rs/bcrypt')
    } catch {
      return fromStack('bcryptjs')
    }
  }
  /** @param {Membership} known */
  function stranger(known) {
    const [some] = known.members.values()
    return some === undefined ? nobody : some.passwordHash.slice(0, 7) + nobody.slice(7)
  }
  /**
   * @param {string} username
   * @param {string} password
   * @returns {Promise<Member | undefined>}
   */
  return async function verify(username, password) {
    bcrypt ??= load()
    const before = membership()
    const hash = before.members.get(username)?.passwordHash
    const same = await bcrypt?.compare(password, hash ?? stranger(before)).catch(() => false)
    // Asked again: the comparison takes a while, and somebody may have been removed meanwhile.
    const member = membership().members.get(username)
    return same === true && member !== undefined && member.passwordHash === hash ? member : undefined
  }
}

/**
 * Whether a session may still do what it was allowed when its user signed in.
 * @param {Session} session
 * @param {Membership} membership
 */
function stillHolds(session, membership) {
  const permissions = membership.members.get(session.user)?.permissions
  if (permissions === '*') return true
  const scopes = [session.scope ?? []].flat()
  return permissions === 'read' && scopes.every((scope) => /^(.+\.)?read$/.test(scope))
}

/**
 * Ends sessions whose user is no longer a member or may do less than before. Node-RED keeps the rights of a session as
 * they were at sign-in, and the sockets of its editor open, so both are ended here, by letting the session expire.
 * @param {{ membership: () => Membership, fromStack: NodeJS.Require, openTokens: () => string[] }} parts
 */
function createSessionKeeper({ membership, fromStack, openTokens }) {
  /** @type {Tokens} */
  let tokens
  let seen = membership().version
  /** @param {string} token */
  async function holds(token) {
    tokens ??= fromStack('@node-red/editor-api/lib/auth/tokens')
    const session = await tokens.get(token)
    if (session === null || session === undefined) return false
    if (stillHolds(session, membership())) return true
    session.expires = 0
    await tokens.get(token)
    return false
  }
  async function sweep() {
    const { version } = membership()
    if (version === seen) return
    seen = version
    for (const token of openTokens()) await holds(token)
  }
  setInterval(() => void sweep().catch(() => undefined), lookAgainMs).unref()
  return { holds }
}

/**
 * Node-RED answers 404 at some of its own paths before it asks who is there; here they are 401. Everything else goes on
 * to Node-RED's own check, with sessions that no longer hold already ended: a bearer token may also be one of the flows'.
 * @param {{ holds(token: string): Promise<boolean> }} keeper
 */
function adminDoor(keeper) {
  const closed = /^\/(flows|nodes|settings|comms|library|context)\/?$/i
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  return async function door(request, response, next) {
    const token = tokenOf(request)
    const known = token !== undefined && (await keeper.holds(token).catch(() => false))
    if (known || !closed.test(request.path ?? '')) return next()
    response.statusCode = 401
    response.end()
  }
}

/** @param {Request} request */
function tokenOf(request) {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  const inQuery = request.query?.access_token
  return typeof inQuery === 'string' ? inQuery : undefined
}

/**
 * HTTP Basic for the endpoints of the flows: any member, whatever the role.
 * @param {() => Membership} membership
 * @param {(username: string, password: string) => Promise<Member | undefined>} verify
 */
function createEndpointCheck(membership, verify) {
  /** @type {Map<string, Promise<boolean>>} */
  const verdicts = new Map()
  let version = ''
  /** @param {string} header */
  async function check(header) {
    const [, encoded] = /^Basic ([A-Za-z0-9+/=_-]+)$/i.exec(header) ?? []
    if (encoded === undefined) return false
    const [, username, password] = /^([^:]*):([^]*)$/.exec(Buffer.from(encoded, 'base64').toString()) ?? []
    return (
      username !== undefined && password !== undefined && (await verify(username, password)) !== undefined
    )
  }
  /**
   * @param {Request} request
   * @returns {Promise<boolean>}
   */
  return async function allowed(request) {
    const now = membership().version
    if (now !== version || verdicts.size >= verdictsKept) verdicts.clear()
    version = now
    const header = request.headers.authorization ?? ''
    const digest = createHash('sha256').update(header).digest('base64')
    const verdict = verdicts.get(digest) ?? check(header)
    verdicts.set(digest, verdict)
    return verdict
  }
}

/**
 * The same check at every door that flows can open: HTTP nodes and all else below httpNode, sockets, dashboards.
 * @param {(request: Request) => Promise<boolean>} allowed
 */
function endpointSettings(allowed) {
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  async function middleware(request, response, next) {
    if (await allowed(request)) return next()
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="Node-RED", charset="UTF-8"' })
    response.end()
  }
  return {
    httpNodeAuth: middleware,
    /**
     * @param {{ req: Request }} info
     * @param {(granted: boolean, code?: number) => void} answer
     */
    async webSocketNodeVerifyClient(info, answer) {
      answer(await allowed(info.req), 401)
    },
    dashboard: {
      /**
       * @param {{ request: Request }} socket
       * @param {(error?: Error) => void} next
       */
      async ioMiddleware(socket, next) {
        next((await allowed(socket.request)) ? undefined : new Error('unauthorized'))
      },
    },
  }
}

/**
 * The editor puts the header's title into the page as HTML.
 * @param {string} text
 */
function asHtml(text) {
  /** @type {Record<string, string>} */
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** @param {Data} data */
function settings(data) {
  const fromStack = createRequire(data.nodeRed)
  const membership = createMembership(data.membersFile)
  const verify = createVerify(fromStack, membership)
  const audit = createAudit(data.storage, fromStack)
  const storage = createStorage(data.storage, fromStack, audit.deploys)
  const openTokens = () => Object.keys(storage.sessions.current)
  const keeper = createSessionKeeper({ membership, fromStack, openTokens })
  /** @param {Member | undefined} member */
  const asUser = (member) =>
    member === undefined || member.permissions === ''
      ? null
      : { username: member.username, permissions: member.permissions }
  return {
    uiHost: data.host,
    uiPort: data.port,
    flowFile: 'flows.json',
    storageModule: storage.module,
    credentialSecret: data.credentialSecret,
    adminAuth: {
      type: 'credentials',
      // Node-RED asks this for every request with a token: who is gone from the list is gone at once.
      users: async (/** @type {string} */ username) => asUser(membership().members.get(username)),
      authenticate: async (/** @type {string} */ username, /** @type {string} */ password) =>
        asUser(await verify(username, password)),
    },
    httpAdminMiddleware: [audit.watch, adminDoor(keeper)],
    ...(data.access === 'members' ? endpointSettings(createEndpointCheck(membership, verify)) : {}),
    disableEditor: !data.editor,
    editorTheme: {
      page: { title: data.title },
      header: { title: asHtml(data.title) },
      projects: { enabled: false },
    },
    telemetry: { enabled: false, updateNotification: false },
    functionExternalModules: false,
    externalModules: {
      autoInstall: false,
      palette: { allowInstall: false, allowUpload: false, allowUpdate: false },
      modules: { allowInstall: false },
    },
    logging: { console: { level: 'info', metrics: false, audit: false }, audit: audit.logging },
  }
}

module.exports = { settings }
