import type { ConsoleLog } from './console-log.ts'
import type { RuntimeSettings } from './wire.ts'

const most = 20
const longest = 500
/** A shorter value would blot out half of what is said. */
const shortestSecret = 4

/**
 * The last lines that Node-RED said, for the status: whatever it was told in confidence is `[redacted]` in them, and each
 * is cut to 500 characters. The log itself stays as it is.
 */
export function lastLines(
  log: Pick<ConsoleLog, 'recent'>,
  settings: RuntimeSettings | undefined,
): readonly string[] {
  const secrets = settings === undefined ? [] : [settings.credentialSecret, ...Object.values(settings.env)]
  const hidden = secrets
    .flatMap((secret) => secret.split(/\r?\n/))
    .filter(({ length }) => length >= shortestSecret)
    .toSorted((a, b) => b.length - a.length)
  return log
    .recent()
    .filter(({ source }) => source === 'node-red')
    .slice(-most)
    .map(({ text }) => hidden.reduce((line, secret) => line.replaceAll(secret, '[redacted]'), text))
    .map((text) => text.slice(0, longest))
}
