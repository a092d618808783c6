/**
 * Node's modules that are dear to import. An `import` reads every export of a built-in module, and some are made when
 * they are first read: `node:http` then loads undici for its WebSocket (12 MB), `node:fs`
 * its promises and `node:util` its parsers (3 MB each), `node:crypto` Web Crypto. The launcher lives beside every
 * Node-RED, so it takes them without.
 */
export const http = process.getBuiltinModule('node:http')
export const fs = process.getBuiltinModule('node:fs')
export const util = process.getBuiltinModule('node:util')
/** Loaded when it is first asked for: it takes 2 MB. */
export const crypto = () => process.getBuiltinModule('node:crypto')
