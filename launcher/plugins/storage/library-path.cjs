'use strict'

/** In bytes of UTF-8. */
const longest = 1024

/**
 * The normal form of a path in the library: names separated by single slashes; `''` is the library itself. Undefined for
 * what no entry can be called: absolute, with `..`, a backslash, a control character or a lone
 * surrogate in it, or too long. The reconciler has the same rule (library-path.ts) and looks again.
 * @param {string} path
 */
function libraryPath(path) {
  if (!path.isWellFormed()) return undefined
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (path.startsWith('/') || /[\\\u0000-\u001f\u007f]/.test(path)) return undefined
  const names = path
    .normalize('NFC')
    .split('/')
    .filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) return undefined
  const normal = names.join('/')
  return Buffer.byteLength(normal) > longest ? undefined : normal
}

module.exports = { libraryPath }
