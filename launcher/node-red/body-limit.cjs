'use strict'
// The largest body that an endpoint of the flows takes. Node-RED's own limit holds for deploys as well, not for uploaded
// files, and is answered with 500.

/**
 * Answers 413 (RFC 9110, section 15.5.14) to a request with a larger body, by what it announces or else by what comes.
 * @param {number} limit in bytes
 * @returns {import('./declared-settings.cjs').Middleware}
 */
function bodyLimit(limit) {
  return (request, response, next) => {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > limit) return refuse(response)
    if (request.headers['transfer-encoding'] !== undefined) count(request, response, limit)
    next()
  }
}

/**
 * Counts what is handed to the request as it comes; who reads it does not notice. To listen to it here would start it
 * flowing before anybody else does.
 * @param {any} request
 * @param {any} response
 * @param {number} limit
 */
function count(request, response, limit) {
  const { push } = request
  let seen = request.readableLength
  request.push = (/** @type {{ length: number } | null} */ chunk, /** @type {string} */ encoding) => {
    seen += chunk?.length ?? 0
    if (seen <= limit) return push.call(request, chunk, encoding)
    // Read to its end, so that who sends it gets to the answer, and kept from whoever waits for the end of it.
    refuse(response)
    return true
  }
}

/** @param {any} response */
function refuse(response) {
  if (response.headersSent) return
  response.writeHead(413)
  response.end()
}

module.exports = { bodyLimit }
