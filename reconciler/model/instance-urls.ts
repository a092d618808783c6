import { editorUrlAt, type Seat } from './seat.ts'

/** Where Node-RED's editor takes the answer of a sign-in, below the URL of an instance. */
const editorCallback = 'auth/strategy/callback'
/** Where the guard of the flows' HTTP endpoints takes it. */
const endpointsCallback = '_weir/callback'

/**
 * Every URL at which browsers reach an instance, each with a slash at its end: its own, and one for every host name that is
 * routed to it.
 */
export function instanceUrls(
  seat: Seat | undefined,
  port: number | undefined,
  hostnames: readonly string[],
): readonly string[] {
  const editorUrl = editorUrlAt(seat, port)
  const { scheme = 'https', port: front } = seat?.routing ?? {}
  const end = front === undefined ? '/' : `:${front}/`
  const named = hostnames.map((hostname) => new URL(`${scheme}://${hostname.toLowerCase()}${end}`).href)
  return [...(editorUrl === undefined ? [] : [editorUrl]), ...named]
}

/** The only places that an answer for the instance may be sent to. */
export function redirectUrisOf(urls: readonly string[]): readonly string[] {
  return urls.flatMap((url) => [`${url}${editorCallback}`, `${url}${endpointsCallback}`])
}

/** Whether an answer goes to the flows' endpoints, for which less is needed than for the editor. */
export function isForEndpoints(redirectUri: string): boolean {
  return redirectUri.endsWith(`/${endpointsCallback}`)
}
