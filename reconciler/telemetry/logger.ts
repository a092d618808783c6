import type { Writable } from 'node:stream'
import { pino, type DestinationStream, type Logger } from 'pino'
import { PinoPretty } from 'pino-pretty'

export type { Logger }

export interface LoggerOptions {
  /** The least severe level that is written. */
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** For a person at a terminal: coloured lines instead of JSON. */
  readonly pretty?: boolean
  /** Default: standard error, since standard output is for answers. */
  readonly destination?: Writable
}

const standardError = 2

/**
 * Names under which a secret could come into a log by mistake, up to two levels deep. What is secret by its type
 * (`Secret`) is never written anyway.
 */
const secretNames = [
  'password',
  'passwordHash',
  'token',
  'runtimeToken',
  'adminToken',
  'credentialSecret',
  'authorization',
  'cookie',
]
const redact = {
  paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  censor: '[secret]',
}

/** A pino logger: constant messages, variables in the object, errors under `err`. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      redact,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destinationOf(options),
  )
}

/** Written at once: what was logged before a crash is there after it. */
function destinationOf({ pretty, destination }: LoggerOptions): DestinationStream {
  const target = destination ?? pino.destination({ dest: standardError, sync: true })
  return pretty
    ? PinoPretty({ destination: target, translateTime: 'SYS:HH:MM:ss', colorize: true, sync: true })
    : target
}
