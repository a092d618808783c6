import { requestJson } from './json-request.ts'
import type {
  LauncherAuditEvent,
  LauncherBootstrap,
  LauncherState,
  RuntimeMembers,
  RuntimeSettings,
} from './wire.ts'

/** What came of asking for the settings. */
export type Fetched =
  | { readonly kind: 'settings'; readonly settings: RuntimeSettings }
  /** There are none now, but some may have lost their rights: go on with those that are left, and ask again. */
  | { readonly kind: 'members'; readonly members: RuntimeMembers; readonly reason: string }
  /** The token is not valid (any more): this instance is not to run. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nobody answers, or not sensibly: go on as before and ask again. */
  | { readonly kind: 'unreachable'; readonly reason: string }

export interface RuntimeClient {
  settings(signal: AbortSignal): Promise<Fetched>
  /** Who may come in at most; undefined where that cannot be told. */
  members(signal: AbortSignal): Promise<RuntimeMembers | undefined>
  /** The status of the answer. Rejects where there is none. */
  report(state: LauncherState, signal: AbortSignal): Promise<number>
  /** The status of the answer. Rejects where there is none. */
  audit(events: readonly LauncherAuditEvent[], signal: AbortSignal): Promise<number>
}

const timeoutMs = 10_000

/** The reconciler's runtime door, as this instance sees it. */
export function createRuntimeClient(bootstrap: LauncherBootstrap): RuntimeClient {
  const base = bootstrap.runtimeUrl.replace(/\/+$/, '')
  const ask = { token: bootstrap.runtimeToken, timeoutMs }
  async function members(signal: AbortSignal): Promise<RuntimeMembers | undefined> {
    try {
      const url = `${base}/runtime/v1/members`
      const { status, body } = await requestJson({ ...ask, method: 'GET', url }, signal)
      return status === 200 && isMembers(body) ? body : undefined
    } catch {
      return undefined
    }
  }

  return {
    members,
    async settings(signal) {
      try {
        const url = `${base}/runtime/v1/settings`
        const { status, body } = await requestJson({ ...ask, method: 'GET', url }, signal)
        const fetched = understood(status, body)
        if (status !== 503 || fetched.kind !== 'unreachable') return fetched
        const left = await members(signal)
        return left === undefined ? fetched : { kind: 'members', members: left, reason: fetched.reason }
      } catch (error) {
        return { kind: 'unreachable', reason: `the reconciler cannot be reached: ${reasonOf(error)}` }
      }
    },
    async report(state, signal) {
      const url = `${base}/runtime/v1/state`
      return (await requestJson({ ...ask, method: 'POST', url, body: state }, signal)).status
    },
    async audit(events, signal) {
      const url = `${base}/runtime/v1/audit`
      return (await requestJson({ ...ask, method: 'POST', url, body: { events } }, signal)).status
    },
  }
}

function understood(status: number, body: unknown): Fetched {
  if (status === 401 || status === 403) {
    return { kind: 'refused', reason: `the reconciler refuses this instance's token (${status})` }
  }
  if (status !== 200)
    return { kind: 'unreachable', reason: `the reconciler answers ${status} to the settings` }
  if (!isSettings(body))
    return { kind: 'unreachable', reason: 'the reconciler sends settings that are not complete' }
  return { kind: 'settings', settings: body }
}

const texts = ['uid', 'name', 'digest', 'host', 'credentialSecret'] as const
const objects = ['env', 'modules', 'editor', 'endpoints'] as const

/** Whether a value has the shape of settings, as far as starting safely takes it. */
export function isSettings(value: unknown): value is RuntimeSettings {
  if (typeof value !== 'object' || value === null) return false
  const fields: Partial<Record<string, unknown>> = { ...value }
  return (
    texts.every((name) => typeof fields[name] === 'string') &&
    objects.every((name) => typeof fields[name] === 'object' && fields[name] !== null) &&
    Number.isInteger(fields['port']) &&
    Array.isArray(fields['members'])
  )
}

function isMembers(value: unknown): value is RuntimeMembers {
  if (typeof value !== 'object' || value === null) return false
  const { digest, base, members }: Partial<Record<string, unknown>> = { ...value }
  return typeof digest === 'string' && typeof base === 'string' && Array.isArray(members)
}

/** What an error says, in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
