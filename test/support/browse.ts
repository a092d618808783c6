import { createCookieJar, type CookieJar } from './cookie-jar.ts'

/** A browser without a screen: real requests, cookies as RFC 6265 has them, redirects, links and forms. No script runs. */
export interface Browser {
  readonly cookies: CookieJar
  open(url: string | URL): Promise<Page>
  /** Sends the page's only form, or the one with the given id, with its hidden fields and these. */
  submit(page: Page, fields?: Readonly<Record<string, string>>, form?: string): Promise<Page>
  /** Follows the link with this text. */
  click(page: Page, text: string): Promise<Page>
}

export interface Page {
  readonly url: URL
  /** 0: the page lies where the browser was told not to go. */
  readonly status: number
  readonly headers: Headers
  readonly html: string
  /** The visible text. */
  readonly text: string
  readonly title: string
}

export interface BrowserOptions {
  /** Redirects to such a place are not followed: the answer of the last request is a page with status 0 and that URL. */
  readonly stopAt?: (url: URL) => boolean
  readonly headers?: Readonly<Record<string, string>>
}

const mostRedirects = 20

export function createBrowser({ stopAt = () => false, headers = {} }: BrowserOptions = {}): Browser {
  const cookies = createCookieJar()

  const go = async (first: URL, init: RequestInit = {}): Promise<Page> => {
    let [url, request] = [first, init]
    for (let hop = 0; hop < mostRedirects; hop++) {
      if (stopAt(url)) return pageOf(url, 0, new Headers(), '')
      const cookie = cookies.headerFor(url)
      const response = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: {
          accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
          ...headers,
          ...(cookie === '' ? {} : { cookie }),
        },
      })
      cookies.take(url, response.headers.getSetCookie())
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null)
        return pageOf(url, response.status, response.headers, await response.text())
      await response.body?.cancel()
      url = new URL(location, url)
      if (response.status === 303 || response.status === 302) request = {}
    }
    throw new Error(`more than ${mostRedirects} redirects, the last one to ${url}`)
  }

  return {
    cookies,
    open: async (url) => go(new URL(url)),
    submit: async (page, fields = {}, id) => {
      const form = formOf(page, id)
      const values = new URLSearchParams({ ...form.fields, ...fields })
      if (form.method === 'post') return go(form.action, { method: 'POST', body: values })
      form.action.search = values.toString()
      return go(form.action)
    },
    click: async (page, text) => {
      for (const [, attributes = '', label = ''] of page.html.matchAll(/<a\b([^>]*)>([^]*?)<\/a>/g)) {
        const href = attribute(attributes, 'href')
        if (unescaped(label.replaceAll(/<[^>]*>/g, '')).trim() === text && href !== undefined)
          return go(new URL(href, page.url))
      }
      throw new Error(`no link is called ${text} on: ${page.text}`)
    },
  }
}

interface Form {
  readonly method: string
  readonly action: URL
  readonly fields: Record<string, string>
}

function formOf({ html, url, text }: Page, id: string | undefined): Form {
  const forms = [...html.matchAll(/<form\b([^>]*)>([^]*?)<\/form>/g)]
  const found = forms.filter(([, attributes = '']) => id === undefined || attribute(attributes, 'id') === id)
  const [[, attributes = '', content = ''] = [], other] = found
  if (found.length === 0 || other !== undefined) throw new Error(`${found.length} forms on: ${text}`)
  const fields: Record<string, string> = {}
  for (const [, input = ''] of content.matchAll(/<input\b([^>]*)>/g)) {
    const name = attribute(input, 'name')
    if (name !== undefined) fields[name] = attribute(input, 'value') ?? ''
  }
  return {
    method: (attribute(attributes, 'method') ?? 'get').toLowerCase(),
    action: new URL(attribute(attributes, 'action') ?? '', url),
    fields,
  }
}

/** The value of an attribute in the text of a tag. */
export function attribute(attributes: string, name: string): string | undefined {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]
  return value === undefined ? undefined : unescaped(value)
}

function unescaped(text: string): string {
  const characters = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
  return text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_all, name: keyof typeof characters) => characters[name])
}

function pageOf(url: URL, status: number, headers: Headers, html: string): Page {
  const body = html.replaceAll(/<(style|script|title)\b[^]*?<\/\1>/g, '').replaceAll(/<[^>]*>/g, ' ')
  return {
    url,
    status,
    headers,
    html,
    text: unescaped(body).replaceAll(/\s+/g, ' ').trim(),
    title: unescaped(/<title>([^]*?)<\/title>/.exec(html)?.[1] ?? ''),
  }
}
