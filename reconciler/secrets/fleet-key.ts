import { createHmac, randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { Secret } from '../model/secret.ts'
import { hasCode } from '../model/has-code.ts'

/** The key is missing, damaged, or not of this store. */
export class KeyError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KeyError'
  }
}

/** 32 random bytes that everything else of the fleet is derived from. */
export type FleetKey = Secret<Buffer>

/**
 * Reads the key, or makes it where there is none. The file has mode 0600 and holds 64 hexadecimal digits. One that is there
 * may stand where nothing can be written, as secrets are mounted.
 */
export async function openFleetKey(
  file: string,
  options: { readonly create: boolean },
): Promise<FleetKey | undefined> {
  const found = await readKey(file)
  if (found !== undefined || !options.create) return found
  await makeKey(file)
  return readKey(file)
}

async function readKey(file: string): Promise<FleetKey | undefined> {
  try {
    return parse(await readFile(file, 'utf8'), file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** A key that nobody keeps. */
export function passingKey(): FleetKey {
  return new Secret(randomBytes(32))
}

/** Written beside it first: under its own name a key is whole, even where this process is killed on the way. */
async function makeKey(file: string): Promise<void> {
  const draft = `${file}.new`
  try {
    await rm(draft, { force: true })
    await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

function parse(text: string, file: string): FleetKey {
  const digits = text.trim()
  if (!/^[0-9a-f]{64}$/.test(digits))
    throw new KeyError(`${file} does not hold a fleet key (64 hexadecimal digits); restore it from a backup`)
  return new Secret(Buffer.from(digits, 'hex'))
}

/** A secret of its own for every purpose and subject (HMAC-SHA-256), 43 characters of base64url. */
export function derive(key: FleetKey, purpose: string, subject: string): Secret {
  const mac = createHmac('sha256', key.reveal()).update(`${purpose}\0${subject}`)
  return new Secret(mac.digest('base64url'))
}

/** Tells whether a secret changed without telling anything else: keyed, so that short secrets cannot be guessed from it. */
export function fingerprint(key: FleetKey, name: string, value: Secret): string {
  const mac = createHmac('sha256', key.reveal()).update(`fingerprint\0${name}\0${value.reveal()}`)
  return mac.digest('hex').slice(0, 32)
}
