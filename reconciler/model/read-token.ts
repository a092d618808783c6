import type { UserDocument } from './resource.ts'

export type ReadToken = NonNullable<UserDocument['spec']['tokens']>[number]

/** Whether a declared token is good for the status API, or for instances. One that names neither is good for both. */
export function opens(
  { for: opened = ['status', 'instances'] }: Pick<ReadToken, 'for'>,
  what: 'status' | 'instances',
): boolean {
  return opened.includes(what)
}
