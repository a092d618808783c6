import { posix } from 'node:path'
import type { Diagnostic } from '../model/diagnostic.ts'
import { plainText } from '../plan/plain-text.ts'
import type { Paint } from '../plan/render-text.ts'

/** Diagnostics for people: `file:line:column: error: message`, and below it the remedy. */
export function diagnosticsText(diagnostics: readonly Diagnostic[], paint: Paint): string {
  return diagnostics
    .map((diagnostic) => {
      const severity = paint(diagnostic.severity === 'error' ? 'red' : 'yellow', diagnostic.severity)
      const place = placeText(diagnostic)
      const line = `${place === '' ? '' : `${place}: `}${severity}: ${plainText(diagnostic.message)} ${paint('dim', `[${diagnostic.code}]`)}\n`
      return diagnostic.remedy === undefined ? line : `${line}  ${plainText(diagnostic.remedy)}\n`
    })
    .join('')
}

/**
 * Diagnostics as annotations of a GitHub Actions run. Their files are relative to the repository, not to the path in it.
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function diagnosticsAnnotations(diagnostics: readonly Diagnostic[], sourcePath: string): string {
  return diagnostics
    .map(({ severity, at, message, remedy, code }) => {
      const properties = [
        ...(at === undefined ? [] : [`file=${property(posix.join(sourcePath, at.file))}`]),
        ...(at?.line === undefined ? [] : [`line=${at.line}`]),
        ...(at?.column === undefined ? [] : [`col=${at.column}`]),
        `title=${property(code)}`,
      ]
      const text = remedy === undefined ? message : `${message}; ${remedy}`
      return `::${severity} ${properties.join(',')}::${data(text)}\n`
    })
    .join('')
}

function placeText({ at }: Diagnostic): string {
  if (at === undefined) return ''
  const position = [at.line, at.column].flatMap((number) => (number === undefined ? [] : [`:${number}`]))
  return `${plainText(at.file)}${position.join('')}`
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
