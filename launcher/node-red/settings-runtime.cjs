'use strict'
// Turns the data in an instance's settings.js into Node-RED's settings. Runs inside Node-RED, so it is CommonJS and
// loads nothing but Node.js and what the stack brings.

const { createRequire } = require('node:module')
const { createAudit } = require('../plugins/audit/audit.cjs')
const { createAuth } = require('../plugins/auth/auth.cjs')
const { startReports } = require('../plugins/reports/reports.cjs')
const { createStorage } = require('../plugins/storage/storage.cjs')
const { createAlive } = require('./alive.cjs')
const { declaredSettings } = require('./declared-settings.cjs')

/**
 * @typedef {{
 *   nodeRed: string, host: string, port: number, credentialSecret: string, editor: boolean,
 *   declared: import('./declared-settings.cjs').Declared,
 *   storage: import('../plugins/storage/storage.cjs').StorageData
 * } & import('../plugins/auth/auth.cjs').AuthData} Data
 */

/** @param {Data} data */
function settings(data) {
  const fromStack = createRequire(data.nodeRed)
  startReports(fromStack, process.env)
  const audit = createAudit(data.storage, fromStack)
  const storage = createStorage(data.storage, fromStack, audit.deploys)
  const auth = createAuth(data, fromStack, {
    openTokens: () => Object.keys(storage.sessions.current),
    tell: audit.record,
  })
  return {
    uiHost: data.host,
    uiPort: data.port,
    flowFile: 'flows.json',
    storageModule: storage.module,
    credentialSecret: data.credentialSecret,
    ...auth,
    ...declaredSettings(data.declared, { fromStack, guard: auth.httpNodeAuth }),
    httpAdminMiddleware: [createAlive(fromStack), audit.watch, ...auth.httpAdminMiddleware],
    disableEditor: !data.editor,
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: 'info', metrics: false, audit: false }, audit: audit.logging },
  }
}

module.exports = { settings }
