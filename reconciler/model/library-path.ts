/** In bytes of UTF-8. */
const longest = 1024

/**
 * The normal form of a path in an instance's library: names separated by single slashes; `''` is the library itself.
 * Undefined for what no entry can be called: absolute, with `..` or a backslash or a control character in it, lone surrogates in it, or too long. The storage module has the same rule (library-path.cjs).
 */
export function libraryPath(text: string): string | undefined {
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (!text.isWellFormed() || text.startsWith('/') || /[\\\u0000-\u001f\u007f]/.test(text)) return undefined
  const names = text
    .normalize('NFC')
    .split('/')
    .filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) return undefined
  const path = names.join('/')
  return new TextEncoder().encode(path).length > longest ? undefined : path
}
