'use strict'
// The reconciler's runtime door, as the plugins of one instance see it.

const http = require('node:http')

/**
 * @typedef {{ kind: 'answer', status: number, body: unknown, tag?: string | undefined }
 *   | { kind: 'unreachable', reason: string, status?: number }} Answer
 * `unreachable`: whether it was done is not known, and asking again later makes sense. `status`: what was answered.
 * `tag`: the entity tag of what stands there now.
 * @typedef {{
 *   headers?: Record<string, string>,
 *   content?: string,
 *   timeoutMs?: number,
 * }} More `timeoutMs`: for the whole exchange. Whatever it is, one that nothing moves in ends sooner.
 * @typedef {{ ask(method: 'GET' | 'PUT' | 'POST', path: string, more?: More): Promise<Answer> }} Door
 */

const defaultTimeoutMs = 10_000
/** For what nobody waits for: large flows on a slow line arrive as long as bytes move. */
const patientMs = 600_000
const idleMs = 30_000

/**
 * @param {{ url: string, token: string }} place
 * @param {'/storage' | '/audit'} [part]
 * @returns {Door}
 */
function createDoor({ url, token }, part = '/storage') {
  const base = `${url.replace(/\/+$/, '')}/runtime/v1${part}`
  return {
    async ask(method, path, { headers = {}, content, timeoutMs = defaultTimeoutMs } = {}) {
      try {
        const bytes = content === undefined ? undefined : Buffer.from(content)
        const all = {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...headers,
          ...(bytes === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        }
        const signal = AbortSignal.timeout(timeoutMs)
        const got = await exchange(base + path, { method, headers: all, agent: false, signal }, bytes)
        return answerOf(method, got)
      } catch (error) {
        return { kind: 'unreachable', reason: `the reconciler cannot be reached: ${reasonOf(error)}` }
      }
    },
  }
}

/** @typedef {{ status: number, headers: import('node:http').IncomingHttpHeaders, text: string }} Got */

/**
 * @param {string} method
 * @param {Got} got
 * @returns {Answer}
 */
function answerOf(method, got) {
  const { status, headers, text } = got
  if (!isVerdict(method, got))
    return { kind: 'unreachable', reason: `the reconciler answers ${status}`, status }
  const { etag } = headers
  return {
    kind: 'answer',
    status,
    body: text === '' ? undefined : JSON.parse(text),
    tag: etag === undefined ? undefined : etag.slice(1, -1),
  }
}

const refusals = [400, 409, 412, 413, 415, 422, 428]

/**
 * Whether an answer is the reconciler's, and about what was asked. A fault of it is not, nor is a token that it does not
 * know (yet), nor what something between says in its own words. That there is nothing, only the route itself may say.
 * @param {string} method
 * @param {Got} got
 */
function isVerdict(method, { status, headers }) {
  if (status === 404) return method === 'GET' && headers['weir-stored'] === 'nothing'
  if (status >= 200 && status < 300) return true
  return refusals.includes(status) && /^application\/problem\+json\b/.test(headers['content-type'] ?? '')
}

/**
 * A connection for each exchange: one that idles may be closed by the other side just when it is used.
 * @param {string} url
 * @param {import('node:http').RequestOptions} options
 * @param {Uint8Array | undefined} bytes
 * @returns {Promise<Got>}
 */
async function exchange(url, options, bytes) {
  const { request: begin } = url.startsWith('https:') ? require('node:https') : http
  /** @type {import('node:http').IncomingMessage} */
  const response = await new Promise((resolve, reject) => {
    const request = begin(url, options)
    request.setTimeout(idleMs, () => request.destroy(new Error('nothing moves')))
    request.on('error', reject)
    request.on('response', resolve)
    request.end(bytes)
  })
  /** @type {Buffer[]} */
  const parts = []
  for await (const part of response) parts.push(part)
  const { statusCode: status = 0, headers } = response
  return { status, headers, text: Buffer.concat(parts).toString() }
}

/** @param {unknown} error */
function reasonOf(error) {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}

/**
 * What a refusal says, for a person.
 * @param {{ status: number, body: unknown }} answer
 */
function refusalOf({ status, body }) {
  const detail =
    typeof body === 'object' && body !== null && 'detail' in body ? `: ${String(body.detail)}` : ''
  return `the reconciler answers ${status}${detail}`
}

module.exports = { createDoor, patientMs, reasonOf, refusalOf }
