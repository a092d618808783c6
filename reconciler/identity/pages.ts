import { createHash } from 'node:crypto'

/** The identity door's pages: HTML that works without any script, by keyboard, with a screen reader, at any width. */

const style = `
:root { color-scheme: light dark; --accent: #9c2b1a; --line: #767676 }
@media (prefers-color-scheme: dark) { :root { --accent: #ff9d8a } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 2rem 1rem }
main { max-width: 24rem; margin: 0 auto }
h1 { font-size: 1.5rem; line-height: 1.25 }
h2 { font-size: 1rem; margin: 0 }
label { display: block; font-weight: 600; margin-top: 1rem }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--line); border-radius: .25rem }
button, .button { display: block; box-sizing: border-box; width: 100%; margin-top: 1.5rem; padding: .6rem; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; color: inherit; background: none; border: 2px solid var(--accent); border-radius: .25rem; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.problem { border: 2px solid var(--accent); border-radius: .25rem; padding: .75rem; margin: 1rem 0 }
.problem p { margin: .25rem 0 0 }
`

const styleDigest = createHash('sha256').update(style).digest('base64')

/**
 * Headers of a page. No script, no frame, nothing from elsewhere; forms lead to this door, and, because a redirect
 * that answers one is held to the same rule, to where the answer of the sign-in goes.
 */
export function pageHeaders(answersTo: readonly string[] = []): { readonly [name: string]: string } {
  const policy = [
    "default-src 'none'",
    "script-src 'none'",
    `style-src 'sha256-${styleDigest}'`,
    `form-action ${["'self'", ...answersTo.flatMap(originOf)].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  }
}

function originOf(url: string): readonly string[] {
  const parsed = URL.parse(url)
  return parsed?.protocol === 'http:' || parsed?.protocol === 'https:' ? [parsed.origin] : []
}

interface Problem {
  readonly title: string
  readonly text: string
}

export interface SignInPage {
  /** What is signed in to. */
  readonly client: string
  readonly action: string
  readonly token: string
  /** What was typed before. */
  readonly name?: string
  readonly problem?: Problem
  readonly upstream?: { readonly displayName: string; readonly href: string }
}

export function signInPage({ client, action, token, name = '', problem, upstream }: SignInPage): string {
  const invalid = problem === undefined ? '' : ' aria-invalid="true" aria-describedby="problem"'
  const elsewhere =
    upstream === undefined
      ? ''
      : `<p><a class="button" href="${escaped(upstream.href)}">Sign in with ${escaped(upstream.displayName)}</a></p>`
  return page(
    problem === undefined ? 'Sign in' : `${problem.title} – Sign in`,
    `<h1>Sign in to ${escaped(client)}</h1>
${problem === undefined ? '' : alert(problem)}
<form method="post" action="${escaped(action)}">
<input type="hidden" name="token" value="${escaped(token)}">
<label for="name">User name</label>
<input id="name" name="name" type="text" value="${escaped(name)}" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="63"${name === '' ? ' autofocus' : ''}${invalid}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024"${name === '' ? '' : ' autofocus'}${invalid}>
<button type="submit">Sign in</button>
</form>
${elsewhere}`,
  )
}

export interface RefusedPage {
  readonly user: string
  readonly client: string
  readonly reason: 'not-a-member' | 'no-editor'
  readonly team: string | undefined
  readonly owners: readonly string[]
  /** Where somebody else may sign in. */
  readonly another: string
}

export function refusedPage({ user, client, reason, team, owners, another }: RefusedPage): string {
  const text =
    reason === 'no-editor'
      ? `You may use the dashboards and HTTP endpoints of ${client}, but not its editor.`
      : `You are not a member of the team that ${client} belongs to.`
  const whom = owners.length === 0 ? 'whoever looks after the fleet' : owners.join(' or ')
  const remedy =
    team === undefined
      ? `Ask ${whom}.`
      : `To get access, ask ${whom} to make you a member of the team ${team} in the fleet’s repository.`
  return page(
    `No access to ${client}`,
    `<h1>No access to ${escaped(client)}</h1>
${alert({ title: `You are signed in as ${user}.`, text })}
<p>${escaped(remedy)}</p>
<p><a class="button" href="${escaped(another)}">Sign in as somebody else</a></p>`,
  )
}

/** Asks whether a program on somebody's own machine may read the status for them. */
export function allowPage(form: {
  readonly user: string
  readonly client: string
  readonly action: string
  readonly token: string
}): string {
  return page(
    'Allow access',
    `<h1>Allow access to the status?</h1>
<p>${escaped(form.client)} asks to read the status of the fleet as ${escaped(form.user)}. It can change nothing. Allow it only
if you have just started it yourself.</p>
<form method="post" action="${escaped(form.action)}">
<input type="hidden" name="token" value="${escaped(form.token)}">
<button type="submit">Allow</button>
</form>`,
  )
}

export function problemPage(
  title: string,
  text: string,
  next?: { readonly href: string; readonly label: string },
): string {
  const link =
    next === undefined
      ? ''
      : `<p><a class="button" href="${escaped(next.href)}">${escaped(next.label)}</a></p>`
  return page(
    title,
    `<h1>${escaped(title)}</h1>\n<div role="alert" class="problem"><p>${escaped(text)}</p></div>\n${link}`,
  )
}

/** `form`: whole HTML of a form with the id `op.logoutForm`; `user`: who is signed in, where that is known. */
export function signOutPage(form: string, user?: string): string {
  const who = user === undefined ? '' : ` as ${escaped(user)}`
  return page(
    'Sign out',
    `<h1>Sign out?</h1>
<p>You are signed in${who}. Until you sign out, whoever uses this browser gets into editors and pages without a password. ${openOnes}</p>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`,
  )
}

/** A form of the door’s own that ends a sign-in. */
export function signOutForm(action: string): string {
  return `<form id="op.logoutForm" method="post" action="${escaped(action)}"></form>`
}

export function signedOutPage(): string {
  return page(
    'Signed out',
    `<h1>Signed out</h1>
<p>Nobody gets into another editor from here without signing in. ${openOnes}</p>`,
  )
}

export function stillSignedInPage(user: string): string {
  return page(
    'Still signed in',
    `<h1>Still signed in</h1>
<p>You are signed in as ${escaped(user)}. Whoever uses this browser gets into editors and pages without a password.</p>`,
  )
}

/** Instances have sessions of their own, which the identity door does not end. */
const openOnes = 'Editors and pages that are open stay so until you sign out there too, or their time is up.'

function alert({ title, text }: Problem): string {
  return `<div role="alert" id="problem" class="problem"><h2>${escaped(title)}</h2><p>${escaped(text)}</p></div>`
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`
}

const entities: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
