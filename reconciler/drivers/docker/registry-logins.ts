import { readFile } from 'node:fs/promises'
import type { RegistryAccount } from '../../model/engine-address.ts'
import { Secret } from '../../model/secret.ts'
import { DriverError } from '../driver.ts'

/** Who we are to a registry (Docker Engine API 1.41, Authentication). */
export interface RegistryLogin {
  readonly username: string
  readonly password: Secret
  readonly serveraddress: string
}

/**
 * Who pulls an image; undefined: nobody in particular. The file is read each time, so that a new password needs no restart.
 * @throws DriverError `PullDenied` where the password cannot be read.
 */
export async function loginFor(
  image: string,
  accounts: readonly RegistryAccount[],
  signal: AbortSignal,
): Promise<RegistryLogin | undefined> {
  const registry = registryOf(image)
  const account = accounts.find(({ address }) => address === registry)
  if (account === undefined) return undefined
  try {
    const text = await readFile(account.password, { encoding: 'utf8', signal })
    return {
      username: account.user,
      password: new Secret(text.replace(/\r?\n$/, '')),
      serveraddress: registry === dockerHub ? 'https://index.docker.io/v1/' : registry,
    }
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    throw new DriverError(
      'PullDenied',
      `the password for the registry ${registry} cannot be read: put it into the file that docker.registries names, readable for the reconciler (${why})`,
      { cause: error },
    )
  }
}

const dockerHub = 'docker.io'

/** The registry that the engine asks for an image: what comes before the first slash, if it can be a host. Pure. */
export function registryOf(image: string): string {
  const [first = '', rest] = image.split('/', 2)
  return rest !== undefined && (/[.:]/.test(first) || first === 'localhost') ? first : dockerHub
}
