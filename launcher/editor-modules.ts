import type { Modules } from './package-json.ts'

/** What somebody had installed in the editor, and had to make way. */
export interface Removed {
  readonly name: string
  readonly version: string
  /** What follows "was removed: ". */
  readonly why: string
}

export const notAllowed = 'Git does not allow installation from the editor'

/** Why a package was left out that npm could not install beside what Git declares and what else is kept. */
export function misfit(declared: Modules, kept: Modules): string {
  const names = Object.keys(kept).join(', ')
  const stays = [
    ...(Object.keys(declared).length === 0 ? [] : ['the modules that Git declares']),
    ...(names === '' ? [] : [`what stays of those installed in the editor (${names})`]),
  ]
  return `it does not fit beside ${stays.join(' and ')}`
}

/** npm names what a registry does not have, but not who wants it: Git cannot mend what somebody installed in the editor. */
export async function withRemedy<T>(work: Promise<T>, others: Modules): Promise<T> {
  try {
    return await work
  } catch (error) {
    const names = error instanceof Error ? absentOf(error, others) : []
    if (!(error instanceof Error) || names.length === 0) throw error
    const remedy = 'remove it there (Manage palette), or declare another version in Git'
    const told = `Installed in the editor, not declared in Git: ${names.join(', ')}; ${remedy}`
    throw new Error(`${error.message}\n${told}`, { cause: error })
  }
}

function absentOf({ message }: Error, others: Modules): readonly string[] {
  if (!/\bcode (E404|ETARGET)\b/.test(message)) return []
  const words = message.split(/[\s'"]+/)
  return Object.keys(others).filter((name) => words.some((word) => word.startsWith(`${name}@`)))
}
