'use strict'
// Run once for an installed stack, with NODE_COMPILE_CACHE set: starts Node-RED on no flows and no port, keeps what was
// compiled for it (https://nodejs.org/api/module.html#module-compile-cache), and ends. Every start after it is quicker.

const { createServer } = require('node:http')
const { createRequire, flushCompileCache } = require('node:module')

const [, , redScript = '', user] = process.argv
const RED = createRequire(redScript)('node-red')
// What settings.js loads in every instance.
createRequire(__filename)('./settings-runtime.cjs')

const settings = {
  userDir: user,
  logging: { console: { level: 'off' } },
  telemetry: { enabled: false },
  externalModules: { autoInstall: false, palette: { allowInstall: false } },
  // With a sign-in, as every instance has one: what guards the editor is loaded too.
  adminAuth: { type: 'credentials', users: [] },
}

RED.events.once('flows:started', () => {
  flushCompileCache()
  process.exit()
})
RED.init(createServer(), settings)
RED.start()
