'use strict'
// The reconciler's runtime door, as the plugins of one instance see it.

const http = require('node:http')

/**
 * @typedef {{ kind: 'answer', status: number, body: unknown }
 *   | { kind: 'unreachable', reason: string, status?: number }} Answer
 * `unreachable`: whether it was done is not known, and asking again later makes sense. `status`: what was answered.
 * @typedef {{
 *   headers?: Record<string, string>,
 *   content?: string,
 *   timeoutMs?: number,
 * }} More
 * @typedef {{ ask(method: 'GET' | 'PUT' | 'POST', path: string, more?: More): Promise<Answer> }} Door
 */

const defaultTimeoutMs = 10_000

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
        const { status, text } = await exchange(
          base + path,
          { method, headers: all, agent: false, signal },
          bytes,
        )
        if (!isVerdict(method, status)) {
          return { kind: 'unreachable', reason: `the reconciler answers ${status}`, status }
        }
        return { kind: 'answer', status, body: text === '' ? undefined : JSON.parse(text) }
      } catch (error) {
        return { kind: 'unreachable', reason: `the reconciler cannot be reached: ${reasonOf(error)}` }
      }
    },
  }
}

/**
 * Whether an answer is about what was asked. A fault of the reconciler is not, nor is a token that it does not know
 * (yet), nor a door that does not know the path.
 * @param {string} method
 * @param {number} status
 */
function isVerdict(method, status) {
  if (status === 404) return method === 'GET'
  return status >= 200 && status < 500 && ![401, 403, 408, 429].includes(status)
}

/**
 * A connection for each exchange: one that idles may be closed by the other side just when it is used.
 * @param {string} url
 * @param {import('node:http').RequestOptions} options
 * @param {Uint8Array | undefined} bytes
 * @returns {Promise<{ status: number, text: string }>}
 */
async function exchange(url, options, bytes) {
  const { request: begin } = url.startsWith('https:') ? require('node:https') : http
  /** @type {import('node:http').IncomingMessage} */
  const response = await new Promise((resolve, reject) => {
    const request = begin(url, options)
    request.on('error', reject)
    request.on('response', resolve)
    request.end(bytes)
  })
  /** @type {Buffer[]} */
  const parts = []
  for await (const part of response) parts.push(part)
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }
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

module.exports = { createDoor, reasonOf, refusalOf }
