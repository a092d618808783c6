'use strict'
// A folder of the instance whose files are served. It lies below static/ in the userDir, since the rest of the userDir
// holds settings and secrets.

const { mkdirSync, realpathSync } = require('node:fs')
const { realpath, stat } = require('node:fs/promises')
const { join, sep } = require('node:path')

/**
 * @typedef {import('./declared-settings.cjs').Middleware} Middleware
 */

/**
 * An entry of Node-RED's `httpStatic`. The folder is made where it is not there. Nothing outside it is served: not by the
 * path of a request, and not by a symbolic link, whoever made it and whenever.
 * @param {{ user: string, path: string, root: string, guard?: Middleware | undefined }} folder
 */
function staticFolder({ user, path, root, guard }) {
  const lexical = join(user, 'static', path)
  const real = join(realpathSync(user), 'static', path)
  try {
    mkdirSync(lexical, { recursive: true })
  } catch (error) {
    process.stderr.write(`static/${path} cannot be made and is not served: ${String(error)}\n`)
  }
  const inside = confine(real)
  return { path: lexical, root, middleware: guard === undefined ? [inside] : [guard, inside] }
}

/**
 * Lets a request pass whose file lies inside a folder once all links are followed, and one that names no file.
 * @param {string} folder
 * @returns {Middleware}
 */
function confine(folder) {
  return async (request, response, next) => {
    const targets = await filesOf(join(folder, decoded(request.path)))
    if (targets.every((target) => target === folder || target.startsWith(folder + sep))) return next()
    response.statusCode = 404
    response.end()
  }
}

/** @param {string} path */
function decoded(path) {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}

/**
 * Where a file, or a folder and what is served in its place, really lie. Nothing where they are not there.
 * @param {string} file
 * @returns {Promise<string[]>}
 */
async function filesOf(file) {
  const target = await realpath(file).catch(() => undefined)
  if (target === undefined) return []
  const isFolder = await stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const index = isFolder ? await realpath(join(target, 'index.html')).catch(() => undefined) : undefined
  return index === undefined ? [target] : [target, index]
}

module.exports = { staticFolder }
