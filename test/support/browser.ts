import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

interface Test {
  teardown(end: () => unknown): void
}

/** A headless Chromium of this machine's packages. It speaks with loopback and nobody else. */
export async function openBrowser(t: Test): Promise<Browser> {
  const named = process.env['WEIR_TEST_CHROMIUM']
  const executablePath = named ?? places.find((place) => existsSync(place))
  if (executablePath === undefined)
    throw new Error('There is no Chromium: install the package chromium, or name one in WEIR_TEST_CHROMIUM.')
  const browser = await chromium.launch({
    executablePath,
    args: [
      // Chromium refuses its own sandbox to root, whom containers run tests as
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })
  t.teardown(async () => browser.close())
  return browser
}

/** A new person at a browser of their own: no cookie is shared with another. */
export async function newPerson(browser: Browser): Promise<Page> {
  const context = await browser.newContext()
  context.setDefaultTimeout(60_000)
  return context.newPage()
}

/** Opens a page and signs in where that is asked for. */
export async function visit(page: Page, url: string, name: string, password: string): Promise<void> {
  await page.goto(url)
  await page.locator('input[autocomplete=username]').fill(name)
  await page.locator('input[autocomplete=current-password]').fill(password)
  await page.locator('button[type=submit]').first().click()
}
