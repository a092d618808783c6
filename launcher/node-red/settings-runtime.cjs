'use strict'
// Turns the data in an instance's settings.js into Node-RED's settings. Runs inside Node-RED, so it is CommonJS and
// loads nothing but Node.js and what the stack brings.

const { createRequire } = require('node:module')
const { createAudit } = require('../plugins/audit/audit.cjs')
const { createAuth } = require('../plugins/auth/auth.cjs')
const { signOutPath } = require('../plugins/auth/sign-out.cjs')
const { createStorage } = require('../plugins/storage/storage.cjs')

/**
 * @typedef {{
 *   nodeRed: string, host: string, port: number, credentialSecret: string, editor: boolean, title: string,
 *   storage: import('../plugins/storage/storage.cjs').StorageData
 * } & import('../plugins/auth/auth.cjs').AuthData} Data
 */

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
    httpAdminMiddleware: [audit.watch, ...auth.httpAdminMiddleware],
    disableEditor: !data.editor,
    editorTheme: {
      page: { title: data.title },
      header: { title: asHtml(data.title) },
      projects: { enabled: false },
      logout: { redirect: signOutPath },
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
