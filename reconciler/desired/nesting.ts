import { Lexer } from 'yaml'

/** Deeper nesting than any manifest needs, and far less than what exhausts the stack. */
export const maxDepth = 64

/**
 * The line where brackets or indentation pass the depth limit, or nothing. Judged on the text before it is parsed,
 * because a parser that recurses is what deep nesting attacks.
 */
export function tooDeepAt(text: string): number | undefined {
  // Brackets in quotes and comments count first: cheap, and right when it says no.
  return deepIndentation(text) ?? (mostBrackets(text) > maxDepth ? deepBrackets(text) : undefined)
}

/** How deep brackets nest, wherever they stand. */
function mostBrackets(text: string): number {
  let [depth, most] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isOpening(code)) most = Math.max(most, ++depth)
    else if (isClosing(code) && depth > 0) depth--
  }
  return most
}

/** How deep the lists and objects of a JSON text nest. Brackets inside a text do not count. */
export function bracketDepth(json: string): number {
  return mostBrackets(json.replace(/"(?:[^"\\]|\\.)*"/gs, '""'))
}

/** The same on the tokens of YAML, where brackets inside a scalar or a comment are text. The lexer does not recurse. */
function deepBrackets(text: string): number | undefined {
  let depth = 0
  let line = 1
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++
    else if ((token === ']' || token === '}') && depth > 0) depth--
    if (depth > maxDepth) return line
    line += newlines(token)
  }
  return undefined
}

function newlines(token: string): number {
  let count = 0
  for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) count++
  return count
}

/** Indentation that is too wide, or too many `-` and `?` that begin a collection in one line. */
function deepIndentation(text: string): number | undefined {
  let line = 1
  for (let start = 0; ; line++) {
    const end = text.indexOf('\n', start)
    if (startsDeep(text, start, end < 0 ? text.length : end)) return line
    if (end < 0) return undefined
    start = end + 1
  }
}

function startsDeep(text: string, start: number, end: number): boolean {
  let at = start
  while (isBlank(text.charCodeAt(at))) at++
  if (at - start > maxDepth * 8) return true
  if (!isIndicator(text, at) || end - at < 2 * maxDepth) return false
  let count = 0
  for (; at < end; at++)
    if (isIndicator(text, at) && (at === start || isBlank(text.charCodeAt(at - 1)))) count++
  return count > maxDepth
}

/** `-` or `?` with a blank after it. */
function isIndicator(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code === 45 || code === 63) && isBlank(text.charCodeAt(at + 1))
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

function isOpening(code: number): boolean {
  return code === 91 || code === 123
}

function isClosing(code: number): boolean {
  return code === 93 || code === 125
}
