'use strict'
// Node-RED's storage module: what an editor keeps lives in the reconciler's store. Runs inside Node-RED, so it is
// CommonJS and loads nothing but Node.js and what the stack brings.

const { randomUUID } = require('node:crypto')
const { mkdir } = require('node:fs/promises')
const { join } = require('node:path')
const { createCredentialKeys } = require('./credential-keys.cjs')
const { createDeploySpool } = require('./deploy-spool.cjs')
const { createDoor, reasonOf } = require('./door.cjs')
const { earlierSessions, earlierSettings, retireSessions } = require('./earlier-files.cjs')
const { FlowKeeper } = require('./flow-keeper.cjs')
const { KeptDocument } = require('./kept-document.cjs')
const { Library } = require('./library.cjs')
const { createLibraryMove } = require('./library-move.cjs')
const { createLocalFlows } = require('./local-flows.cjs')
const { makePrivateFolder } = require('./private-files.cjs')

/**
 * @typedef {{
 *   url: string, token: string, folder: string, user: string, declared: boolean,
 *   keys?: string[], credentials?: { $: string },
 * }} StorageData
 * `folder`: for the plugin's own files; `user`: Node-RED's; `declared`: Git declares the flows; `keys`: those of credentials,
 * the one in force first; `credentials`: those that Git declares with its flows.
 * @typedef {{ info(text: string): void, warn(text: string): void }} Log
 * @typedef {{ loadFlows(force: boolean): Promise<void> }} Flows
 * @typedef {{ load(storage: object): Promise<void> }} LoadedSettings
 * @typedef {{ log: Log, settings: LoadedSettings, storage: object, flows: Flows, events: import('node:events') }} Runtime what Node-RED gives its storage (@node-red/runtime, lib/index.js)
 * @typedef {{ flows: { setFlows(options: object): Promise<unknown> } }} RuntimeApi
 * @typedef {{ username?: string } | null | undefined} User
 */

/**
 * @param {StorageData} data
 * @param {NodeJS.Require} fromStack
 * @param {ReturnType<typeof import('../audit/deploys.cjs').createDeploys>} deploys is told of them
 */
function createStorage(data, fromStack, deploys) {
  const { folder, user } = data
  /** @type {Runtime | undefined} */
  let runtime
  const warn = (/** @type {string} */ text) => runtime?.log.warn(text)
  const said = { info: (/** @type {string} */ text) => runtime?.log.info(text), warn, random: Math.random }
  const door = createDoor(data)
  const settings = new KeptDocument({
    ...said,
    kind: 'settings',
    folder,
    door,
    earlier: () => earlierSettings(user),
    // It also saves by what it loads from.
    adopt: async (content) =>
      runtime?.settings.load({ ...runtime.storage, getSettings: async () => content }),
  })
  const sessions = new KeptDocument({
    ...said,
    kind: 'sessions',
    folder,
    door,
    earlier: () => earlierSessions(user),
    retire: () => retireSessions(user),
  })
  const library = new Library({ door, folder, warn })
  const takeLibrary = createLibraryMove({ ...said, folder, user, library })
  const flows = new FlowKeeper({
    ...said,
    door,
    spool: createDeploySpool(folder),
    local: createLocalFlows({ folder, user }),
    declared: data.declared,
    declaredCredentials: data.credentials,
    keys: createCredentialKeys(data.keys ?? []),
    reload: () => reloadFlows(fromStack, warn),
    loadNow: async () => runtime?.flows.loadFlows(true),
    tell: (what, text) => runtime?.events.emit('runtime-event', editorMessage(what, text)),
    undelivered: (deploy, why) => deploys.undelivered(deploy, why),
    now: () => new Date().toISOString(),
    newId: randomUUID,
  })
  settings.readAhead()

  async function prepare(/** @type {Runtime} */ given) {
    runtime = given
    await makePrivateFolder(folder)
    await mkdir(join(user, 'node_modules'), { recursive: true })
  }
  async function getFlows() {
    const nodes = await deploys.loading(
      () => flows.getFlows(),
      () => flows.revision,
    )
    // Node-RED is up: what it saved while it loaded is delivered now, and did not slow it.
    for (const one of [settings, sessions]) one.deliver()
    takeLibrary()
    return nodes
  }
  /** @param {unknown[]} nodes @param {string | undefined} user */
  const saveFlows = (nodes, user) =>
    deploys.saving(() => flows.saveFlows(nodes, user), { user, revision: () => flows.revision })
  const parts = { prepare, getFlows, saveFlows, flows, settings, sessions, library }
  return { module: storageModule(parts), sessions }
}

/**
 * What Node-RED asks of a storage module (@node-red/runtime, lib/storage).
 * @typedef {Record<string, unknown>} Content
 * @typedef {{
 *   init(settings: unknown, runtime: Runtime): Promise<void>,
 *   getFlows(): Promise<unknown[]>,
 *   saveFlows(nodes: unknown[], user: User): Promise<void>,
 *   getCredentials(): Promise<Content>,
 *   saveCredentials(credentials: Content): Promise<void>,
 *   getSettings(): Promise<Content>,
 *   saveSettings(next: Content): Promise<void>,
 *   getSessions(): Promise<Content>,
 *   saveSessions(next: Content): Promise<void>,
 *   getLibraryEntry(type: string, path: string): Promise<unknown>,
 *   saveLibraryEntry(type: string, path: string, meta: Content, body: string): Promise<void>,
 * }} StorageModule
 */

/**
 * Node-RED looks for own properties.
 * @param {{
 *   prepare: (runtime: Runtime) => Promise<void>,
 *   getFlows: () => Promise<unknown[]>,
 *   saveFlows: (nodes: unknown[], user: string | undefined) => Promise<void>,
 *   flows: InstanceType<typeof FlowKeeper>,
 *   settings: InstanceType<typeof KeptDocument>,
 *   sessions: InstanceType<typeof KeptDocument>,
 *   library: InstanceType<typeof Library>,
 * }} parts
 * @returns {StorageModule}
 */
function storageModule({ prepare, getFlows, saveFlows, flows, settings, sessions, library }) {
  return {
    init: (_settings, runtime) => prepare(runtime),
    getFlows,
    saveFlows: (nodes, user) => saveFlows(nodes, user?.username || undefined),
    getCredentials: async () => flows.getCredentials(),
    saveCredentials: async (credentials) => flows.saveCredentials(credentials),
    getSettings: () => settings.read(),
    saveSettings: (next) => settings.save(next),
    getSessions: () => sessions.read(),
    saveSessions: (next) => sessions.save(next),
    getLibraryEntry: (type, path) => library.read(type, path),
    saveLibraryEntry: (type, path, meta, body) => library.save(type, path, meta, body),
  }
}

/**
 * What every editor shows for a while, also one that is opened later, until there is no text any more. The editor takes it
 * for HTML.
 * @param {string} what
 * @param {string | undefined} text
 */
function editorMessage(what, text) {
  const id = `weir-${what}`
  if (text === undefined) return { id, retain: false, payload: {} }
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return { id, retain: true, payload: { type: 'warning', text: safe, timeout: 60_000 } }
}

/**
 * By the way the editor's own reload takes, which stands in line with deploys.
 * @param {NodeJS.Require} fromStack
 * @param {(text: string) => void} warn
 */
async function reloadFlows(fromStack, warn) {
  try {
    /** @type {RuntimeApi} */
    const runtime = fromStack('@node-red/runtime')
    await runtime.flows.setFlows({ deploymentType: 'reload' })
    return true
  } catch (error) {
    warn(`The flows of the store could not be loaded: ${reasonOf(error)}`)
    return false
  }
}

module.exports = { createStorage }
