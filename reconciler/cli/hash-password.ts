import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { hashPassword, PasswordError, type HashForm } from '../identity/passwords.ts'

/**
 * Asks for a password on the terminal without showing it, or takes the first line of a pipe, and returns its hash for
 * `spec.passwordHash` of a User. A password is never taken as an argument: arguments stand in the process list.
 */
export async function readAndHash(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  prompt: (text: string) => void,
  form?: HashForm,
): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input, output: silent, terminal: input.isTTY === true })
  try {
    if (input.isTTY === true) prompt('Password: ')
    const password = await firstLine(lines)
    if (input.isTTY === true) prompt('\n')
    if (password.length < 8)
      throw new PasswordError('The password is too short: it needs at least 8 characters.')
    return await hashPassword(password, form)
  } finally {
    lines.close()
  }
}

/** Up to the first newline, or to the end where there is none: `printf` writes none. */
async function firstLine(lines: Interface): Promise<string> {
  for await (const line of lines) return line
  return ''
}
