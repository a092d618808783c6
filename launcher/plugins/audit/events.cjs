'use strict'
// What Node-RED tells of what people do, in the words of the audit trail. Pure.

/**
 * @typedef {'sign-in' | 'sign-in-refused' | 'sign-out' | 'access-refused' | 'deploy' | 'deploy-refused'
 *   | 'module-installed' | 'module-removed' | 'library-changed' | 'settings-changed' | 'context-deleted'
 *   | 'credentials-exported' | 'gap'} Name
 * @typedef {{
 *   event: Name,
 *   user?: string | undefined,
 *   target?: string | undefined,
 *   flowsBefore?: string,
 *   flowsAfter?: string,
 *   count?: number,
 * }} Told What happened, with texts that are not bounded yet.
 * @typedef {{ event: string, user?: unknown, username?: unknown, path?: unknown, error?: unknown,
 *   [name: string]: unknown }} Message What Node-RED hands to a log handler at level 98.
 * @typedef {(message: Message) => Told | undefined} Reading
 */

/** As long as the runtime door takes them, in characters. */
const longestUser = 128
const longestTarget = 256

/** Codes by which Node-RED says that something is not allowed, and not that it went wrong. */
const refusals = new Set(['forbidden', 'not_allowed', 'update_not_allowed'])
const installRefusals = new Set([...refusals, 'install_not_allowed', 'module_not_allowed'])
/** A deploy that started from other flows than there are, or that the reconciler does not take. */
const deployRefusals = new Set(['version_mismatch', 'deploy_refused'])

/**
 * By Node-RED's name of the event. What is not here is dropped: reading, sockets that come and go (`*.get`, `comms.*`),
 * what the storage plugin tells with digests (`flows.set`, `flow.*`), and what the log tells without saying who did it
 * (`library.set`, `credentials.get`), where the answer to the request says that too.
 * @type {Readonly<Record<string, Reading>>}
 */
const readings = {
  'auth.login': ({ username }) => ({ event: 'sign-in', user: textOf(username) }),
  'auth.login.revoke': (message) => ({ event: 'sign-out', user: userOf(message) }),
  'permission.fail': (message) => ({
    event: 'access-refused',
    user: userOf(message),
    target: words(message['permissions'], message.path),
  }),
  'nodes.install': (message) => installed(message),
  'modules.install': (message) => installed(message),
  'nodes.remove': (message) => done(message, { event: 'module-removed', target: textOf(message['module']) }),
  'nodes.info.set': (message) =>
    done(message, {
      event: 'settings-changed',
      target: words('nodes', message['id'], message['enabled'] === false ? 'off' : 'on'),
    }),
  'settings.update': (message) =>
    done(message, { event: 'settings-changed', target: 'preferences in the editor' }),
  'context.delete': (message) =>
    done(message, {
      event: 'context-deleted',
      target: joined(message['scope'], message['id'], message['key']),
    }),
  'api.error': (message) => refused(message),
}

/**
 * @param {Message} message
 * @returns {Told | undefined} nothing where it is no matter for the trail
 */
function eventOf(message) {
  const reading = Object.hasOwn(readings, message.event) ? readings[message.event] : undefined
  if (reading !== undefined) return reading(message)
  const reason = /^auth\.login\.fail\.?(.*)$/.exec(message.event)?.[1]
  if (reason === undefined) return undefined
  return { event: 'sign-in-refused', user: textOf(message.username), target: textOf(reason) }
}

/**
 * What was done; nothing where it failed: whoever may not do it is told by `api.error`.
 * @param {Message} message
 * @param {Told} told
 * @returns {Told | undefined}
 */
function done(message, told) {
  return message.error === undefined
    ? { ...told, user: userOf(message) ?? textOf(message.username) }
    : undefined
}

/**
 * @param {Message} message
 * @returns {Told | undefined}
 */
function installed(message) {
  const { module, version, error } = message
  const [name, exact] = [textOf(module), textOf(version)]
  const target = name === undefined || exact === undefined ? name : `${name}@${exact}`
  if (error === undefined) return { event: 'module-installed', user: userOf(message), target }
  if (!installRefusals.has(textOf(error) ?? '')) return undefined
  return { event: 'access-refused', user: userOf(message), target: words('install', target) }
}

/**
 * @param {Message} message
 * @returns {Told | undefined}
 */
function refused(message) {
  const code = textOf(message.error) ?? ''
  const user = userOf(message)
  if (deployRefusals.has(code)) return { event: 'deploy-refused', user, target: code }
  return refusals.has(code) ? { event: 'access-refused', user, target: words(code, message.path) } : undefined
}

/**
 * Bounded, and of characters that can do no harm where they are shown. Whatever else a message holds is left out here.
 * @param {Told} told
 * @returns {Told}
 */
function bounded({ event, user, target, flowsBefore, flowsAfter, count }) {
  const [name, what] = [cut(user, longestUser), cut(target, longestTarget)]
  return {
    event,
    ...(name === undefined ? {} : { user: name }),
    ...(what === undefined ? {} : { target: what }),
    ...(flowsBefore === undefined ? {} : { flowsBefore }),
    ...(flowsAfter === undefined ? {} : { flowsAfter }),
    ...(count === undefined ? {} : { count }),
  }
}

/**
 * @param {unknown} value
 * @param {number} longest
 */
function cut(value, longest) {
  if (typeof value !== 'string') return undefined
  // Cut first: a long text costs no more than a short one.
  const text = value
    .slice(0, longest)
    .replaceAll(/\p{Cc}/gu, '\u{fffd}')
    .toWellFormed()
  return text === '' ? undefined : text
}

/** @param {Message} message */
function userOf({ user }) {
  return typeof user === 'object' && user !== null && 'username' in user
    ? textOf(user.username)
    : textOf(user)
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** @param {unknown[]} parts */
function words(...parts) {
  return parts.filter((part) => textOf(part) !== undefined).join(' ')
}

/** @param {unknown[]} parts */
function joined(...parts) {
  return parts
    .filter((part) => textOf(part) !== undefined)
    .join('/')
    .replaceAll(/\/{2,}/g, '/')
}

module.exports = { bounded, eventOf, userOf }
