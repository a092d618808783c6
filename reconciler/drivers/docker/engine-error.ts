import { hasCode } from '../../model/has-code.ts'
import { DriverError } from '../driver.ts'

/** Why a call of the engine failed, with the word that conditions name it by. */
export function engineError(
  error: unknown,
  { call, limit }: { readonly call: string; readonly limit: AbortSignal },
): DriverError {
  if (error instanceof DriverError) return error
  if (limit.aborted)
    return new DriverError('EngineHung', `the engine has not answered in time: ${call}`, { cause: error })
  if (unreachable.some((code) => hasCode(error, code)))
    return new DriverError('EngineUnreachable', `the engine cannot be reached: ${messageOf(error)}`, {
      cause: error,
    })
  const said = saidBy(error)
  if (/no space left on device/i.test(said))
    return new DriverError('EngineDiskFull', `the disk of the engine is full: ${said}`, { cause: error })
  return new DriverError('EngineRefused', `the engine could not ${call}: ${said}`, { cause: error })
}

const unreachable = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EACCES',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
]

/** Whether the engine answered with this status. */
export function hasStatus(error: unknown, status: number): boolean {
  return typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === status
}

/** The engine's own words. */
export function saidBy(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'json' in error) {
    const { json } = error
    if (typeof json === 'object' && json !== null && 'message' in json) return String(json.message)
  }
  // What the client puts before them where the answer was to be a stream.
  return messageOf(error).replace(/^\(HTTP code \d+\) [\w ]+ - /, '')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error)
}
