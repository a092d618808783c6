import { fileURLToPath } from 'node:url'
import { Secret } from '../model/secret.ts'
import { SourceError } from './source.ts'

/** The schemes that a configuration may allow. */
export type GitScheme = 'https' | 'ssh' | 'http' | 'file' | 'git'

/** Where a repository is, in a form that is safe to hand to Git. */
export type GitLocation = LocalRepository | RemoteRepository

/** A repository on this machine. */
export interface LocalRepository {
  readonly kind: 'local'
  /** As it was written; relative to whatever the caller says. */
  readonly directory: string
}

/** A repository elsewhere. */
export interface RemoteRepository {
  readonly kind: 'remote'
  readonly scheme: Exclude<GitScheme, 'file'>
  /** For Git and for people: it holds no password. */
  readonly url: string
  /** Scheme, host and port: what a credential is good for. */
  readonly origin: string
  /** What stood before the @ of an http URL. */
  readonly userinfo: Userinfo | undefined
}

/** A name and, when there was one, a password. */
export interface Userinfo {
  readonly username: string
  readonly password: Secret | undefined
}

const hostName = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])$/
const userName = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/
const scpForm = /^([^@:/]+)@([^@:/]+):(?!\/\/)(.+)$/
const httpForm = 'write https://host/path or ssh://user@host/path'

/** A URL may hold a password, so that a refusal never repeats it. */
function refuse(why: string, remedy: string): never {
  throw new SourceError('source-refused', `the source URL ${why}`, { remedy })
}

/** Lists what would let a text be an option, run a helper or split into two: checked before anything is parsed. */
function checkText(text: string): void {
  if (text === '') refuse('is empty', httpForm)
  if (text.startsWith('-')) refuse('begins with -', httpForm)
  if (/[\p{Cc}\s]/u.test(text))
    refuse('holds whitespace or a control character', 'percent-encode it, or mend the URL')
  if (text.includes('\\')) refuse('holds a backslash', httpForm)
  // `transport::address` makes Git run git-remote-<transport>, and `ext::` whatever follows.
  if (/^[^/@[]*::/.test(text)) refuse('names a transport helper (::)', httpForm)
}

/** @throws SourceError when what is percent-encoded is not text that may stand in a path. */
function checkPath(path: string): void {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    refuse('has a malformed percent-encoding', 'mend the URL')
  }
  if (/\p{Cc}/u.test(decoded)) refuse('encodes a control character', 'mend the URL')
  if (/^\/?-/.test(decoded)) refuse('has a path that begins with -', 'name the repository by its full path')
  if (decoded.replace(/^\/+/, '') === '') refuse('names no repository', 'add the path of the repository')
}

function checkHost(host: string): void {
  if (!hostName.test(host)) refuse('has a host that is not a host name', httpForm)
}

function checkUser(user: string): void {
  if (!userName.test(user)) refuse('has a user that is not a user name', httpForm)
}

function checkAllowed(scheme: string, allow: readonly GitScheme[]): GitScheme {
  const allowed = allow.find((candidate) => candidate === scheme)
  if (allowed !== undefined) return allowed
  const shown = /^[a-z0-9+.-]{1,20}$/.test(scheme) ? scheme : 'its scheme'
  return refuse(`uses ${shown}, which is not allowed`, `allowed are: ${allow.join(', ')}; see source.allow`)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse('has a malformed percent-encoding before the @', 'mend the URL')
  }
}

function parseScp(match: RegExpExecArray, allow: readonly GitScheme[]): RemoteRepository {
  const [, user = '', host = '', path = ''] = match
  checkAllowed('ssh', allow)
  checkUser(user)
  checkHost(host)
  if (path.startsWith('-')) refuse('has a path that begins with -', 'name the repository by its full path')
  return {
    kind: 'remote',
    scheme: 'ssh',
    url: `${user}@${host}:${path}`,
    origin: `ssh://${host}`,
    userinfo: undefined,
  }
}

function parseFile(url: URL): LocalRepository {
  if (url.hostname !== '' && url.hostname !== 'localhost') refuse('is a file on another host', httpForm)
  checkPath(url.pathname)
  return { kind: 'local', directory: fileURLToPath(`file://${url.pathname}`) }
}

function parseSsh(url: URL, scheme: 'ssh' | 'git'): RemoteRepository {
  if (url.password !== '') refuse('holds a password for ssh', 'use a key: source.sshKey')
  if (url.username !== '') checkUser(url.username)
  const user = url.username === '' ? '' : `${url.username}@`
  return {
    kind: 'remote',
    scheme,
    url: `${scheme}://${user}${url.host}${url.pathname}`,
    origin: `${scheme}://${url.host}`,
    userinfo: undefined,
  }
}

function parseHttp(url: URL, scheme: 'http' | 'https'): RemoteRepository {
  const password = decoded(url.password)
  const username = decoded(url.username)
  if (/\p{Cc}/u.test(username + password)) refuse('encodes a control character before the @', 'mend the URL')
  return {
    kind: 'remote',
    scheme,
    url: `${scheme}://${url.host}${url.pathname}`,
    origin: `${scheme}://${url.host}`,
    userinfo:
      username === '' && password === ''
        ? undefined
        : { username, password: password === '' ? undefined : new Secret(password) },
  }
}

function parseWithScheme(text: string, allow: readonly GitScheme[]): GitLocation {
  // Decided on the text before it is parsed: a parser that mends a URL must not get to choose its scheme.
  const scheme = checkAllowed(/^([^:/]+):\/\//.exec(text)?.[1] ?? '', allow)
  if (!URL.canParse(text)) refuse('is not a URL', httpForm)
  const url = new URL(text)
  if (text.includes('?') || text.includes('#'))
    refuse('has a query or a fragment', 'name the branch and the path by source.branch and source.path')
  if (scheme === 'file') return parseFile(url)
  checkHost(url.hostname)
  checkPath(url.pathname)
  return scheme === 'ssh' || scheme === 'git' ? parseSsh(url, scheme) : parseHttp(url, scheme)
}

/** Whether a text names a place on this machine: `/path`, `./path`, `../path`, `.` or `..`. */
function isLocalForm(text: string): boolean {
  return /^(?:\/(?!\/)|\.\.?(?:\/|$))/.test(text)
}

/**
 * Reads the URL of a repository by an allow-list of forms: `scheme://host/path` with an allowed scheme, `user@host:path`
 * (ssh), and for this machine `/path`, `./path` or `../path`. Everything else is refused, and with it whatever Git
 * would take for an option or a command.
 * @throws SourceError `source-refused`; the message never repeats the URL.
 */
export function parseGitUrl(text: string, allow: readonly GitScheme[]): GitLocation {
  // The path of a folder may hold spaces, and never reaches Git but as an absolute path.
  if (isLocalForm(text)) {
    if (/\p{Cc}/u.test(text)) refuse('holds a control character', 'rename the folder')
    return { kind: 'local', directory: text }
  }
  checkText(text)
  if (text.includes('://')) return parseWithScheme(text, allow)
  const scp = scpForm.exec(text)
  if (scp !== null) return parseScp(scp, allow)
  return refuse('is neither a URL nor a path', `${httpForm}, or ./path for a folder of this machine`)
}
