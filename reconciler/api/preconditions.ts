import { Problem } from './problem.ts'

/** A strong entity tag that is one of ours: the SHA-256 of a content. */
const tag = { type: 'string', pattern: '^"[0-9a-f]{64}"$' } as const

/** The headers by which a writer says what it started from (RFC 9110, section 13). */
export const conditions = {
  type: 'object',
  properties: { 'if-match': tag, 'if-none-match': { type: 'string', const: '*' } },
} as const

export interface Conditions {
  readonly 'if-match'?: string
  readonly 'if-none-match'?: string
}

/** `base`: what the writer started from; absent: there was nothing. */
export function baseOf({ 'if-match': match, 'if-none-match': none }: Conditions): { readonly base?: string } {
  if ((match === undefined) === (none === undefined))
    throw new Problem(428, 'Say which revision the writer started from: If-Match, or If-None-Match: *.')
  return match === undefined ? {} : { base: match.slice(1, -1) }
}
