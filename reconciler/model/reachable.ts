/** The address at which a listener on `host` is reached: a wildcard by the loopback of its family. */
export function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** `http://` and where a listener is reached, without a slash at its end. */
export function reachableUrl(host: string, port: number): string {
  const address = reachable(host)
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}
