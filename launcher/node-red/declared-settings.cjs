'use strict'
// What an instance declares of its editor, palette, endpoints, function nodes and context, as Node-RED's settings.
// https://nodered.org/docs/user-guide/runtime/configuration

const { defined } = require('./defined.cjs')
const { editorTheme } = require('./editor-theme.cjs')

/**
 * @typedef {import('node:http').IncomingMessage} Request
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {(request: any, response: any, next: () => void) => unknown} Middleware
 * @typedef {{ allow?: string[], deny?: string[], allowInstall?: boolean }} ModuleRules
 * @typedef {ModuleRules & { catalogues?: string[], excludeNodes?: string[] }} Palette
 * @typedef {{ origins: string[], methods?: string[], headers?: string[], credentials?: boolean, maxAge?: number }} Cors
 * @typedef {{
 *   editor: import('./editor-theme.cjs').Editor & { debugMaxLength?: number, palette?: Palette },
 *   endpoints: { cors?: Cors, bodyLimit?: number, static?: { path: string, root: string }[] },
 *   functionModules?: ModuleRules, context?: 'file', modules: string[], user: string, storage: string
 * }} Declared
 */

/** What Node-RED takes in one deploy when it is told nothing else. In bytes. */
const deployLimit = 5 * 1024 * 1024

/**
 * Node-RED's settings. `guard` is what asks who is there before an endpoint is served, where not everybody may: it
 * comes back as part of `httpNodeAuth` and stands before static folders too.
 * @param {Declared} declared
 * @param {{ fromStack: NodeJS.Require, guard?: Middleware | undefined }} parts
 */
function declaredSettings(declared, { fromStack, guard }) {
  const { editor, functionModules } = declared
  if (editor.palette?.allowInstall === true) refuseByUrl(editor.palette, fromStack)
  return defined({
    editorTheme: editorTheme(editor),
    functionExternalModules: functionModules?.allow !== undefined,
    externalModules: {
      autoInstall: false,
      palette: paletteRules(editor.palette ?? {}, declared.modules),
      modules: functionRules(functionModules ?? {}),
    },
    nodesExcludes: editor.palette?.excludeNodes,
    debugMaxLength: editor.debugMaxLength,
    ...endpointPart(declared, guard),
    contextStorage: declared.context && contextStorage(declared.storage),
  })
}

/**
 * @param {Declared} declared
 * @param {Middleware | undefined} guard
 */
function endpointPart({ endpoints, user }, guard) {
  const cors = endpoints.cors && corsOptions(endpoints.cors)
  const door = guard && cors ? pastPreflight(guard) : guard
  const limit = endpoints.bodyLimit
  return {
    apiMaxLength: limit && Math.max(limit, deployLimit),
    httpNodeCors: cors,
    httpStaticCors: cors,
    httpNodeAuth: limit ? [require('./body-limit.cjs').bodyLimit(limit), door ?? []].flat() : door,
    httpStatic: endpoints.static && folders(endpoints.static, user, door),
  }
}

/**
 * Lists as Node-RED reads them, where a package that no list names is allowed: a list of what is allowed is meant to
 * allow nothing else, so everything else is denied by the least exact rule. Declared packages come first.
 * @param {ModuleRules} rules
 * @param {string[]} declared
 */
function lists({ allow, deny }, declared) {
  if (allow === undefined && deny === undefined) return {}
  const others = allow === undefined || allow.includes('*') ? [] : ['*']
  return { allowList: [...declared, ...(allow ?? ['*'])], denyList: [...(deny ?? []), ...others] }
}

/**
 * A package that Git declares is updated by Git.
 * @param {Palette} palette
 * @param {string[]} declared
 */
function paletteRules(palette, declared) {
  const allowInstall = palette.allowInstall === true
  return {
    allowInstall,
    allowUpload: false,
    allowUpdate: allowInstall,
    ...(allowInstall ? { denyUpdateList: declared } : {}),
    ...lists(palette, declared),
  }
}

/** @param {ModuleRules} rules */
function functionRules({ allow = [], deny = [], allowInstall = false }) {
  return { allowInstall, ...lists({ allow, deny }, []) }
}

/**
 * Node-RED judges an installation from a URL by the name that the caller gives it. Where names are judged, URLs are
 * refused.
 * @param {Palette} palette
 * @param {NodeJS.Require} fromStack
 */
function refuseByUrl({ allow, deny }, fromStack) {
  if (allow === undefined && deny === undefined) return
  const { hooks } = fromStack('@node-red/util')
  hooks.add('preInstall.weir', (/** @type {{ url?: string }} */ event) => {
    if (event.url) throw new Error('packages are installed by name here, since rules for names are declared')
  })
}

/**
 * As the package `cors` takes them.
 * @param {Cors} cors
 */
function corsOptions({ origins, methods, headers, credentials, maxAge }) {
  const origin = origins.includes('*') ? '*' : origins
  return defined({ origin, methods, allowedHeaders: headers, credentials, maxAge })
}

/**
 * A browser asks in advance without credentials (https://fetch.spec.whatwg.org/#cors-preflight-fetch); what it asks is
 * answered by CORS alone and reaches no flow.
 * @param {Middleware} guard
 * @returns {Middleware}
 */
function pastPreflight(guard) {
  return (request, response, next) =>
    request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
      ? next()
      : guard(request, response, next)
}

/**
 * @param {{ path: string, root: string }[]} declared
 * @param {string} user
 * @param {Middleware | undefined} guard
 */
function folders(declared, user, guard) {
  const { staticFolder } = require('./static-folder.cjs')
  return declared.map(({ path, root }) => staticFolder({ user, path, root, guard }))
}

/** @param {string} storage */
function contextStorage(storage) {
  return {
    default: 'file',
    file: { module: 'localfilesystem', config: { dir: storage, flushInterval: 1 } },
    memory: { module: 'memory' },
  }
}

module.exports = { declaredSettings }
