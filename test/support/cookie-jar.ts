export interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
  readonly secure: boolean
  readonly expires: number
}

export interface CookieJar {
  take(url: URL, headers: readonly string[]): void
  headerFor(url: URL): string
  /** Every Set-Cookie header that came in, as it came. */
  readonly seen: readonly string[]
  value(name: string): string | undefined
  /** What is kept now; `restore` puts it back. */
  all(): readonly Cookie[]
  restore(cookies: readonly Cookie[]): void
  set(cookie: {
    readonly name: string
    readonly value: string
    readonly url: URL
    readonly path: string
  }): void
}

/** Cookies belong to a host, whatever the port (RFC 6265, section 8.5), and a path. */
export function createCookieJar(): CookieJar {
  let kept: readonly Cookie[] = []
  const seen: string[] = []
  const put = (cookie: Cookie): void => {
    const others = kept.filter(
      ({ name, host, path }) => name !== cookie.name || host !== cookie.host || path !== cookie.path,
    )
    kept = cookie.expires <= Date.now() ? others : [...others, cookie]
  }
  return {
    seen,
    take: (url, headers) => {
      for (const header of headers) {
        seen.push(header)
        put(parseCookie(header, url))
      }
    },
    headerFor: (url) =>
      kept
        .filter(({ host, path, secure, expires }) => {
          const isBelow = url.pathname === path || url.pathname.startsWith(path.replace(/\/?$/, '/'))
          return (
            host === url.hostname && isBelow && expires > Date.now() && (!secure || url.protocol === 'https:')
          )
        })
        .toSorted((a, b) => b.path.length - a.path.length)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
    all: () => kept,
    restore: (cookies) => {
      kept = cookies
    },
    value: (name) => kept.find((cookie) => cookie.name === name)?.value,
    set: ({ name, value, url, path }) =>
      put({ name, value, path, host: url.hostname, secure: false, expires: Infinity }),
  }
}

function parseCookie(header: string, url: URL): Cookie {
  const [pair = '', ...attributes] = header.split(';').map((part) => part.trim())
  const at = pair.indexOf('=')
  const values = new Map(
    attributes.map((one) => {
      const [name = '', value = ''] = one.split('=', 2)
      return [name.toLowerCase(), value] as const
    }),
  )
  const age = values.get('max-age')
  const expires = values.get('expires')
  const until =
    age === undefined
      ? expires === undefined
        ? Infinity
        : Date.parse(expires)
      : Date.now() + Number(age) * 1000
  return {
    name: pair.slice(0, at),
    value: pair.slice(at + 1),
    host: url.hostname,
    path: values.get('path') ?? (url.pathname.replace(/\/[^/]*$/, '') || '/'),
    secure: values.has('secure'),
    expires: until,
  }
}
