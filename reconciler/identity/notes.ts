import { openSealed, sealText } from '../model/sealed.ts'
import type { Secret } from '../model/secret.ts'

/** What a browser keeps for us while it is elsewhere, in a cookie, and can neither read nor alter. */
export interface Notes<Name extends string> {
  /** For a cookie: characters of base64url only. */
  seal(note: Readonly<Record<Name, string>>): string
  /** Undefined for what was not sealed here for this purpose, or is over. */
  open(sealed: string | undefined): Readonly<Record<Name, string>> | undefined
}

export interface NotesDeps {
  readonly derive: (purpose: string, subject: string) => Secret
  /** 32 random bytes in base64url. */
  readonly newToken: () => string
  readonly clock: { now(): Date }
}

/** `lifetime`: of a note, in milliseconds. So nobody who only begins something costs the store anything. */
export function createNotes<Name extends string>(
  { derive, newToken, clock }: NotesDeps,
  {
    purpose,
    names,
    lifetime,
  }: { readonly purpose: string; readonly names: readonly Name[]; readonly lifetime: number },
): Notes<Name> {
  const key = Buffer.from(derive('browser-note', purpose).reveal(), 'base64url')
  const isNote = (value: object): value is Readonly<Record<Name, string>> =>
    names.every((name) => typeof Reflect.get(value, name) === 'string')
  return {
    seal(note) {
      const nonce = Buffer.from(newToken(), 'base64url').subarray(0, 12)
      return sealText(key, purpose, JSON.stringify([clock.now().getTime() + lifetime, note]), nonce)
    },
    open(sealed) {
      const text = openSealed(key, purpose, sealed ?? '')
      const content: unknown = text === undefined ? undefined : JSON.parse(text)
      const parts: readonly unknown[] = Array.isArray(content) ? content : []
      const [until, note] = parts
      if (typeof until !== 'number' || until <= clock.now().getTime()) return undefined
      return typeof note === 'object' && note !== null && isNote(note) ? note : undefined
    },
  }
}
