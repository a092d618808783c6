'use strict'
// Tells the launcher how Node-RED is, on a pipe that nobody else has: when its flows have started, and a sample every
// 10 s. Runs inside Node-RED; what it costs a message is two function calls.

const { Socket } = require('node:net')

const everyMs = 10_000

/**
 * @typedef {{ events: import('node:events').EventEmitter, hooks: { add(id: string, hook: (event: unknown) => void): void } }} Util
 */

/**
 * Does nothing where no launcher has said where to report to. The variable is taken away, so that no flow sees it.
 * @param {NodeJS.Require} fromStack
 * @param {NodeJS.ProcessEnv} environment
 */
function startReports(fromStack, environment) {
  const descriptor = Number(environment['WEIR_REPORT'])
  delete environment['WEIR_REPORT']
  if (!Number.isInteger(descriptor) || descriptor < 3) return
  const pipe = new Socket({ fd: descriptor, readable: false, writable: true })
  pipe.on('error', () => undefined)
  pipe.unref()
  /** @param {readonly (string | number)[]} report */
  const report = (report) => void (pipe.writable && pipe.write(`${JSON.stringify(report)}\n`))
  /** @type {Util} */
  const { events, hooks } = fromStack('@node-red/util')
  events.on('flows:started', () => report(['flows', Date.now()]))
  const counts = countMessages(hooks)
  // The first one is late enough that a start is not slowed by what it loads.
  setTimeout(() => {
    const { createSampler } = require('./sampler.cjs')
    const sample = createSampler({ counts, now: () => performance.now() })
    setInterval(() => report(['sample', Date.now(), ...sample()]), everyMs).unref()
  }, 1000).unref()
}

/** @param {Util['hooks']} hooks */
function countMessages(hooks) {
  const counts = { sent: 0, received: 0 }
  hooks.add('onSend.weir', (/** @type {unknown} */ sent) => {
    counts.sent += Array.isArray(sent) ? sent.length : 1
  })
  hooks.add('onReceive.weir', (/** @type {unknown} */ _received) => {
    counts.received += 1
  })
  return counts
}

module.exports = { startReports }
