'use strict'
// What a person sees where sign-in does not lead on. Plain HTML, and nothing in it that runs.

const { createHash } = require('node:crypto')

/**
 * @typedef {{
 *   status: number, title: string, text: string, links?: readonly (readonly [href: string, label: string])[],
 *   form?: { action: string, label: string, leadsTo: readonly string[] },
 * }} Page `leadsTo`: the origins that its form, sent to this instance, may be redirected to.
 */

const style =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fff}a{color:#8c101c}li{margin:.5rem 0}'
const retrySeconds = 5

/** @param {string} text */
function asHtml(text) {
  /** @type {Record<string, string>} */
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

/** @param {Page} page */
function render({ title, text, links = [], form }) {
  const list = links.map(([href, label]) => `<li><a href="${asHtml(href)}">${asHtml(label)}</a></li>`)
  const button =
    form &&
    `<form method="post" action="${asHtml(form.action)}"><button>${asHtml(form.label)}</button></form>\n`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asHtml(title)}</title>
<style>${style}</style>
<main>
<h1>${asHtml(title)}</h1>
<p>${asHtml(text)}</p>
${button ?? ''}${list.length === 0 ? '' : `<ul>${list.join('')}</ul>\n`}</main>
</html>
`
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {Page} page
 */
function showPage(response, page) {
  const styleHash = createHash('sha256').update(style).digest('base64')
  const { form } = page
  const formsTo = form === undefined ? "'none'" : ["'self'", ...form.leadsTo].join(' ')
  response.writeHead(page.status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action ${formsTo}; frame-ancestors 'none'`,
    'Cache-Control': 'no-store',
    // A form that is sent without a referrer is sent without its origin too.
    'Referrer-Policy': form === undefined ? 'no-referrer' : 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(page.status === 503 ? { 'Retry-After': String(retrySeconds) } : {}),
  })
  response.end(render(page))
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {string} location
 */
function redirect(response, location) {
  response.writeHead(302, { Location: location, 'Cache-Control': 'no-store', 'Content-Length': '0' })
  response.end()
}

module.exports = { asHtml, redirect, showPage }
