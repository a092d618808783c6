'use strict'

/**
 * The normal form of a path in the library: names separated by single slashes; `''` is the library itself. Undefined for
 * what no entry can be called: absolute, with `..`, a backslash or a control character in it. The reconciler looks again.
 * @param {string} path
 */
function libraryPath(path) {
  // Node-RED itself asks for `/` where it means all of it.
  if (path === '/') return ''
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (path.startsWith('/') || /[\\\u0000-\u001f\u007f]/.test(path)) return undefined
  const names = path
    .normalize('NFC')
    .split('/')
    .filter((name) => name !== '' && name !== '.')
  return names.includes('..') ? undefined : names.join('/')
}

module.exports = { libraryPath }
