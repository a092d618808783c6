import type { GitLocation } from './git-url.ts'

/** What Git needs to know of the configuration, beside the URL. */
export interface GitAccess {
  /** A file with `user:password` or a bare token, for http and https. Git reads it anew each time. */
  readonly credentials?: string | undefined
  /** A file with a private key, for ssh. */
  readonly sshKey?: string | undefined
  /** A known_hosts file, for ssh. */
  readonly knownHosts?: string | undefined
  /** A file with certificates to trust instead of the machine's own, for https. */
  readonly certificates?: string | undefined
}

/** The variables that Git and what it starts may see of the reconciler's own environment: where things are, never what to run. */
const inherited = [
  'PATH',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'HTTPS_PROXY',
  'https_proxy',
  'http_proxy',
  'ALL_PROXY',
  'NO_PROXY',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
] as const

/** The folder and the configuration that one Git command works with. */
export interface GitPlace {
  /** The repository; without it Git looks in its working folder and nowhere above. */
  readonly gitDirectory?: string
  /** The configuration file of `gitConfiguration`. */
  readonly configuration: string
  readonly workingDirectory: string
}

/**
 * The whole environment of Git, built from nothing: no configuration of the machine or of a user, no prompt, no
 * transport but the one that the URL names, and nothing of the parent's `GIT_*`.
 */
export function gitEnvironment(
  parent: Readonly<Record<string, string | undefined>>,
  location: GitLocation,
  place: GitPlace,
): Record<string, string> {
  const environment: Record<string, string> = {
    HOME: place.workingDirectory,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: place.configuration,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CEILING_DIRECTORIES: place.workingDirectory.replace(/\/[^/]*$/, '') || '/',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_ALLOW_PROTOCOL: location.kind === 'local' ? 'file' : location.scheme,
  }
  if (place.gitDirectory !== undefined) environment['GIT_DIR'] = place.gitDirectory
  for (const name of inherited) {
    const value = parent[name]
    if (value !== undefined) environment[name] = value
  }
  if (location.kind === 'remote' && location.userinfo?.password !== undefined)
    environment[passwordVariable] = location.userinfo.password.reveal()
  return environment
}

/** Names the environment variable that carries a password from the URL to the credential helper. */
const passwordVariable = 'WEIR_SOURCE_PASSWORD'

/** A word for the shell that Git starts for ssh and for credential helpers. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** A value of a Git configuration file. */
function configValue(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

/** A path inside an ssh option: ssh expands % and $, and splits at spaces outside quotes. */
function sshPath(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}

/** The command by which Git starts ssh: it asks nothing, trusts no unknown host and reads no configuration that could run a command. */
export function sshCommand(access: GitAccess): string {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ProxyCommand=none',
    'PermitLocalCommand=no',
    'ClearAllForwardings=yes',
    'ForwardAgent=no',
    'ConnectTimeout=15',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=3',
  ]
  if (access.knownHosts !== undefined)
    options.push(`UserKnownHostsFile=${sshPath(access.knownHosts)}`, 'GlobalKnownHostsFile=/dev/null')
  if (access.sshKey !== undefined)
    options.push(`IdentityFile=${sshPath(access.sshKey)}`, 'IdentitiesOnly=yes', 'IdentityAgent=none')
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', shellWord(option)])].join(' ')
}

/**
 * A credential helper that reads the file anew each time: a bare token, or `user:password` in its first line. The
 * secret passes from `read` to `printf`, both inside the shell, and so stands in no list of processes.
 * @see https://git-scm.com/docs/gitcredentials#_custom_helpers
 */
function fileHelper(file: string): string {
  const answer = [
    'test "$1" = get || exit 0',
    `IFS= read -r line < ${shellWord(file)} || test -n "$line" || exit 0`,
    `case "$line" in *:*) user="\${line%%:*}";; *) user=x-access-token;; esac`,
    `printf 'username=%s\\npassword=%s\\n' "$user" "\${line#*:}"`,
  ].join('; ')
  return `!f() { ${answer}; }; f`
}

/** A credential helper that answers with the password of the URL. */
const urlHelper = `!f() { test "$1" = get && printf 'password=%s\\n' "$${passwordVariable}"; }; f`

/** Credentials are tied to the origin of the URL, so that Git gives them to no other. */
function credentialSections(location: GitLocation, access: GitAccess): readonly string[] {
  if (location.kind === 'local' || (location.scheme !== 'http' && location.scheme !== 'https')) return []
  const lines = [`[credential ${configValue(location.origin)}]`]
  if (access.credentials !== undefined) lines.push(`helper = ${configValue(fileHelper(access.credentials))}`)
  else if (location.userinfo !== undefined) {
    lines.push(`username = ${configValue(location.userinfo.username || 'x-access-token')}`)
    if (location.userinfo.password !== undefined) lines.push(`helper = ${configValue(urlHelper)}`)
  }
  return lines
}

/**
 * The configuration file that Git reads in place of the user's. A file rather than options, because it also reaches
 * the processes that Git starts (`git-upload-pack` on a local repository among them), and because a command line is
 * public. It holds no secret.
 */
export function gitConfiguration(location: GitLocation, access: GitAccess): string {
  return [
    '[core]',
    'hooksPath = /dev/null',
    'fsmonitor = false',
    'attributesFile = /dev/null',
    `sshCommand = ${configValue(sshCommand(access))}`,
    '[init]',
    'templateDir = ""',
    'defaultBranch = main',
    '[protocol "ext"]',
    'allow = never',
    '[ssh]',
    'variant = ssh',
    '[http]',
    // A redirect could lead to an address that the configuration does not name.
    'followRedirects = false',
    'lowSpeedLimit = 1',
    'lowSpeedTime = 60',
    ...(access.certificates === undefined ? [] : [`sslCAInfo = ${configValue(access.certificates)}`]),
    '[fetch]',
    'recurseSubmodules = false',
    // Whole packs, so that what a killed fetch leaves lies in one folder.
    'unpackLimit = 1',
    '[submodule]',
    'recurse = false',
    '[gc]',
    'auto = 0',
    'autoDetach = false',
    '[maintenance]',
    'auto = false',
    // No Git that reads this touches a repository that the operator did not name: whoever owns it may be named.
    '[safe]',
    'directory = *',
    ...credentialSections(location, access),
    '',
  ].join('\n')
}
