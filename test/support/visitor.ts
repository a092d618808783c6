import type { IncomingHttpHeaders } from 'node:http'

/** A page, and where the visitor stands. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
}

/**
 * Somebody with a browser that keeps cookies as browsers do, by host and path and not by port, follows redirects one
 * by one, and fills in forms.
 */
export class Visitor {
  cookies: Cookie[] = []
  /** Every address that was asked for, in order. */
  readonly way: string[] = []

  /** Opens an address as a click does, and follows where it leads. `stopAt`: gives the redirect to there instead. */
  async open(address: string, stopAt?: (location: string) => boolean): Promise<Page> {
    return this.#follow(await this.ask(address), stopAt)
  }

  /** Fills in the first form of a page by the types of its fields, and sends it. */
  async submit(
    page: Page,
    fields: Readonly<Record<string, string>>,
    stopAt?: (location: string) => boolean,
  ): Promise<Page> {
    const form = /<form\b([^>]*)>([^]*?)<\/form>/i.exec(page.text)
    if (form === null) throw new Error(`there is no form at ${page.url}: ${page.text.slice(0, 300)}`)
    const [, attributes = '', content = ''] = form
    const body = new URLSearchParams()
    for (const [tag] of content.matchAll(/<(input|button)\b[^>]*>/gi)) {
      const name = attribute(tag, 'name')
      if (name === undefined) continue
      const given = fields[attribute(tag, 'type') ?? 'text'] ?? attribute(tag, 'value') ?? ''
      body.append(name, given)
    }
    const target = new URL(attribute(attributes, 'action') ?? '', page.url).href
    const headers = { origin: new URL(page.url).origin }
    return this.#follow(await this.ask(target, { method: 'POST', body, headers }), stopAt)
  }

  /** One request as a browser sends it, and its answer alone. */
  async ask(address: string, init: RequestInit = {}): Promise<Page> {
    this.way.push(address)
    const url = new URL(address)
    const headers = new Headers({ accept: 'text/html,application/xhtml+xml', ...asRecord(init.headers) })
    const cookie = this.cookies
      .filter(({ host, path }) => host === url.hostname && isBelow(url.pathname, path))
      .map(({ name, value }) => `${name}=${value}`)
    if (cookie.length > 0) headers.set('cookie', cookie.join('; '))
    const response = await fetch(url, {
      signal: AbortSignal.timeout(10_000),
      ...init,
      headers,
      redirect: 'manual',
    })
    for (const line of response.headers.getSetCookie()) this.#keep(url, line)
    return { url: address, status: response.status, headers: response.headers, text: await response.text() }
  }

  /** The cookies that go with a request to there, for what is no page. */
  headersFor(address: string): IncomingHttpHeaders {
    const url = new URL(address)
    const found = this.cookies.filter(
      ({ host, path }) => host === url.hostname && isBelow(url.pathname, path),
    )
    return { cookie: found.map(({ name, value }) => `${name}=${value}`).join('; ') }
  }

  async #follow(first: Page, stopAt?: (location: string) => boolean): Promise<Page> {
    let page = first
    for (let hops = 0; page.status >= 300 && page.status < 400; hops += 1) {
      if (hops > 15) throw new Error(`redirected in circles: ${this.way.slice(-4).join(' → ')}`)
      const location = new URL(page.headers.get('location') ?? '', page.url).href
      if (stopAt?.(location) === true) return { ...page, url: location }
      page = await this.ask(location)
    }
    return page
  }

  #keep(url: URL, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    const named = (name: string) =>
      attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
    const path = named('path') ?? (url.pathname.replace(/\/[^/]*$/, '') || '/')
    const cookie = { name: pair.slice(0, at), value: pair.slice(at + 1), host: url.hostname, path }
    const expires = named('expires')
    const over =
      Number(named('max-age') ?? 1) <= 0 || (expires !== undefined && Date.parse(expires) < Date.now())
    this.cookies = this.cookies.filter(
      ({ name, host, path }) => name !== cookie.name || host !== cookie.host || path !== cookie.path,
    )
    if (!over && cookie.value !== '') this.cookies.push(cookie)
  }
}

function asRecord(headers: RequestInit['headers']): Record<string, string> {
  return Object.fromEntries(new Headers(headers).entries())
}

/** RFC 6265, 5.1.4. */
function isBelow(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}

function attribute(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag) ?? []
  return value?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
}
