'use strict'
// What the launcher asks to know that Node-RED is there: answered before anything that flows can open, which must neither
// run for it nor speak for Node-RED.

/**
 * @typedef {{ path?: string }} Request
 * @typedef {import('node:http').ServerResponse} Response
 */

const path = '/_weir/alive'

/**
 * 204 where the runtime has started, else 503, as Node-RED's own page answers.
 * @param {NodeJS.Require} fromStack
 */
function createAlive(fromStack) {
  /**
   * @param {Request} request
   * @param {Response} response
   * @param {() => void} next
   */
  return async function alive(request, response, next) {
    if (request.path !== path) return next()
    /** @type {{ isStarted(): Promise<boolean> }} */
    const runtime = fromStack('@node-red/runtime')
    const started = await runtime.isStarted().catch(() => false)
    response.writeHead(started ? 204 : 503)
    return response.end()
  }
}

module.exports = { createAlive }
