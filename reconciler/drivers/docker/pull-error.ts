import { DriverError } from '../driver.ts'
import { hasStatus, saidBy } from './engine-error.ts'
import { registryOf } from './registry-logins.ts'

export interface Refused {
  readonly image: string
  /** Whether the registry was told who we are. */
  readonly known: boolean
  /** What the engine's call ended with, or the words that it ended a pull with. */
  readonly error: unknown
}

/**
 * Why an image could not be pulled, and what helps. The engine tells what its registry said (Docker Registry HTTP API V2,
 * Errors) in words alone. What it did not say is returned as it is: the engine was not reached, or the caller gave up. Pure.
 */
export function pullError({ image, known, error }: Refused): unknown {
  if (typeof error !== 'string' && !(error instanceof Error && 'statusCode' in error)) return error
  const said = typeof error === 'string' ? error : saidBy(error)
  const registry = registryOf(image)
  const failed = (reason: string, what: string) =>
    new DriverError(reason, `${what} (${said})`, typeof error === 'string' ? {} : { cause: error })
  if (/no space left on device/i.test(said))
    return failed('EngineDiskFull', `the disk of the engine has no room for the image ${image}`)
  if (/no basic auth credentials|unauthorized|denied|forbidden/i.test(said))
    return failed(
      'PullDenied',
      known
        ? `the registry ${registry} does not let us have the image ${image}: mend user and password of it in docker.registries, or what that user may read`
        : `the registry ${registry} wants to know who pulls the image ${image}: name user and password for it in docker.registries`,
    )
  if (hasStatus(error, 404) || /manifest unknown|not found/i.test(said))
    return failed(
      'ImageUnknown',
      `the registry ${registry} has no image ${image}: push it there, or name another one in the Stack (spec.image)`,
    )
  return failed(
    'PullFailed',
    `the image ${image} could not be pulled: see that the engine reaches the registry ${registry}; it is tried again`,
  )
}
