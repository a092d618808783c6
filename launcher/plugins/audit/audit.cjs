'use strict'
// Tells the reconciler's audit trail what people do in this editor. Runs inside Node-RED, so it is CommonJS and loads
// nothing but Node.js and what the stack brings. Nothing here waits for anything: events go to memory, and from there to
// the disk and the reconciler beside whatever Node-RED does.

const { randomBytes } = require('node:crypto')
const { join } = require('node:path')
const { createDoor } = require('../storage/door.cjs')
const { eventOfAnswer } = require('./answers.cjs')
const { Backlog } = require('./backlog.cjs')
const { createDeploys } = require('./deploys.cjs')
const { bounded, eventOf, userOf } = require('./events.cjs')
const { createRepeats } = require('./repeats.cjs')
const { createSender } = require('./sender.cjs')
const { Spool } = require('./spool.cjs')
const { Writer } = require('./writer.cjs')

/**
 * @typedef {import('./events.cjs').Told} Told
 * @typedef {import('./events.cjs').Message} Message
 * @typedef {{
 *   headers: import('node:http').IncomingHttpHeaders, method?: string, originalUrl?: string,
 *   user?: unknown, body?: unknown,
 * }} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ url: string, token: string, folder: string }} AuditData `folder`: for the plugins' own files.
 */

/**
 * `record` is for whatever else in this process has something to tell; `logging`, `watch` and `deploys` for Node-RED's
 * settings and the storage plugin.
 * @param {AuditData} data
 * @param {NodeJS.Require} fromStack
 */
function createAudit(data, fromStack) {
  const warn = (/** @type {string} */ text) => void fromStack('@node-red/util').log.warn(text)
  const trail = createTrail({
    folder: join(data.folder, 'audit'),
    door: createDoor(data, '/audit'),
    warn,
    random: Math.random,
    boot: randomBytes(12).toString('hex'),
    now: () => new Date().toISOString(),
  })
  const repeats = createRepeats(trail)
  /** @type {(told: Told) => void} */
  const record = (told) => repeats.record(bounded(told))
  process.once('exit', () => {
    repeats.end()
    trail.end()
  })
  return { ...createListener(record), record }
}

/**
 * From an event to its place with the reconciler.
 * @param {{
 *   folder: string,
 *   door: import('../storage/door.cjs').Door,
 *   warn: (text: string) => void,
 *   random: () => number,
 *   boot: string,
 *   now: () => string,
 *   limits?: import('./backlog.cjs').Limits,
 *   gatherMs?: number,
 * }} parts `boot`: what no other run of this instance has, for the ids of events.
 */
function createTrail({ folder, door, warn, random, boot, now, limits, gatherMs }) {
  let count = 0
  const newId = () => `${boot}:${(count += 1)}`
  const spool = new Spool(folder)
  const backlog = new Backlog({ newId, ...(limits && { limits }) })
  const sender = createSender({
    door,
    spool,
    warn,
    random,
    ...(gatherMs === undefined ? {} : { gatherMs }),
    lost(missing) {
      for (let each = 0; each < missing; each += 1) backlog.miss(now(), { deed: true })
    },
    delivered() {
      backlog.setOnDisk(spool.size)
      if (backlog.gap !== undefined) writer.wake()
    },
  })
  const writer = new Writer({ folder, backlog, spool, warn, now, written: () => sender.wake() })
  // What an earlier run left is delivered though nothing new happens.
  writer.wake()
  /** @param {Told} told */
  const record = (told) => {
    const event = { id: newId(), at: now(), ...told }
    if (backlog.add(event)) writer.wake()
    else writer.wakeLater()
  }
  return { record, end: () => writer.end() }
}

/**
 * Where this plugin stands in Node-RED.
 * @param {(told: Told) => void} record
 */
function createListener(record) {
  const deploys = createDeploys(record)
  /** Those whose refusal the log has told, until their answer is out. @type {WeakSet<object>} */
  const refusedByLog = new WeakSet()

  /** Node-RED's log of what people do. It must never fail: Node-RED would not be ready for that. */
  function hear(/** @type {Message} */ message) {
    if (typeof message?.event !== 'string') return
    const { event, user } = message
    deploys.hear(message)
    if (event === 'permission.fail' && typeof user === 'object' && user !== null) refusedByLog.add(user)
    const told = eventOf(message)
    if (told !== undefined) record(told)
  }

  /**
   * Before everything else of the editor's own routes.
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  function watch(request, response, next) {
    response.once('finish', () => {
      const { user } = request
      // Node-RED has a user object of its own for each request.
      if (typeof user === 'object' && user !== null && refusedByLog.delete(user)) return
      const told = eventOfAnswer({
        method: request.method ?? '',
        path: (request.originalUrl ?? '').split('?')[0] ?? '',
        status: response.statusCode,
        user: userOf({ event: '', user }),
        credential: request.headers.authorization !== undefined,
        body: request.body,
      })
      if (told !== undefined) record(told)
    })
    next()
  }

  return {
    /** For `logging` of Node-RED's settings. */
    logging: { level: 'off', metrics: false, audit: true, handler: () => hear },
    watch,
    deploys,
  }
}

module.exports = { createAudit, createTrail }
