/** Where Node-RED's editor takes the answer of a sign-in, below the URL of an instance. */
const editorCallback = 'auth/strategy/callback'
/** Where the guard of the flows' HTTP endpoints takes it. */
const endpointsCallback = '_weir/callback'

/** Every URL at which browsers reach an instance: its own, and one for every host name that is routed to it. */
export function instanceUrls(editorUrl: string | undefined, hostnames: readonly string[]): readonly string[] {
  const named = hostnames.map((hostname) => `https://${hostname.toLowerCase()}/`)
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
