import type { RuntimeSettings } from './wire.ts'

/** An environment as `spawn` takes it. */
export interface Environment {
  readonly [name: string]: string
}

/** What of the machine's environment Node-RED and npm see: nothing of the machine's own business. */
const inherited = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TMPDIR',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]
const inheritedByNpm = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']

/** Names that change how the dynamic linker, the shell, Node.js or Node-RED itself starts. */
const refused =
  /^(LD_|DYLD_|GLIBC_|GCONV_PATH$|MALLOC_|BASH|ENV$|SHELLOPTS$|IFS$|PS4$|PATH$|HOME$|OPENSSL_|SSLKEYLOGFILE$|npm_config_|NODE_(OPTIONS|PATH|COMPILE_CACHE|DISABLE_COMPILE_CACHE|V8_COVERAGE|REPL_|DEBUG|CHANNEL|UNIQUE_ID|PENDING|REDIRECT|ICU|USE_ENV|RED_))/i
const wellFormed = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Whether an instance may set this variable. They are refused when the manifest is read; this is the second lock. */
export function mayBeSet(name: string, value: string): boolean {
  return wellFormed.test(name) && !refused.test(name) && !value.includes('\0')
}

/**
 * The environment of Node-RED: a few variables of the machine, then those of the instance. `certificates`: the file that
 * those it declares were written to.
 */
export function nodeRedEnvironment(
  host: NodeJS.ProcessEnv,
  settings: RuntimeSettings,
  { cache, certificates }: { readonly cache: string; readonly certificates: string },
): Environment {
  const declared = Object.entries(settings.env).filter(([name, value]) => mayBeSet(name, value))
  const timeZone = settings.editor.timeZone
  return {
    ...pick(host, inherited),
    ...(timeZone === undefined ? {} : { TZ: timeZone }),
    ...Object.fromEntries(declared),
    ...(settings.certificates === undefined ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
    NODE_COMPILE_CACHE: cache,
  }
}

/** The environment of npm, which runs on the instance's Node.js: `nodeFolder` comes first on its PATH. */
export function npmEnvironment(host: NodeJS.ProcessEnv, nodeFolder: string): Environment {
  const npmOwn = Object.keys(host).filter((name) => /^npm_config_/i.test(name))
  const picked = pick(host, [...inherited, ...inheritedByNpm, ...npmOwn])
  return { ...picked, PATH: [nodeFolder, picked['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'].join(':') }
}

function pick(host: NodeJS.ProcessEnv, names: readonly string[]): Environment {
  const found: Record<string, string> = {}
  for (const name of names) {
    const value = host[name]
    if (value !== undefined) found[name] = value
  }
  return found
}
