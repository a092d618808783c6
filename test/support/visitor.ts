import type { IncomingHttpHeaders } from 'node:http'
import { attribute } from './browse.ts'
import { createCookieJar } from './cookie-jar.ts'

/** A page, and where the visitor stands. */
export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * Somebody with a browser that keeps cookies as browsers do, by host and path and not by port, follows redirects one
 * by one, and fills in forms.
 */
export class Visitor {
  readonly cookies = createCookieJar()
  /** Every address that was asked for, in order. */
  readonly way: string[] = []
  readonly #reach: (address: string) => string

  /** `reach`: where what is asked of an address goes, as by a proxy that knows the host names of the first. */
  constructor(reach: (address: string) => string = (address) => address) {
    this.#reach = reach
  }

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
    const cookie = this.cookies.headerFor(url)
    if (cookie !== '') headers.set('cookie', cookie)
    const response = await fetch(this.#reach(address), {
      signal: AbortSignal.timeout(10_000),
      ...init,
      headers,
      redirect: 'manual',
    })
    this.cookies.take(url, response.headers.getSetCookie())
    return { url: address, status: response.status, headers: response.headers, text: await response.text() }
  }

  /** The cookies that go with a request to there, for what is no page. */
  headersFor(address: string): IncomingHttpHeaders {
    return { cookie: this.cookies.headerFor(new URL(address)) }
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
}

function asRecord(headers: RequestInit['headers']): Record<string, string> {
  return Object.fromEntries(new Headers(headers).entries())
}
