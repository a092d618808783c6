import { join } from 'node:path'

/** Variables by name, as `process.env` holds them. */
export interface Environment {
  readonly [name: string]: string | undefined
}

/**
 * What npm and launchers need to find programs, a home, certificates, a proxy and a registry. Everything else stays
 * behind: whatever the reconciler was given must not be read from the process list of an instance.
 */
const kept = new Set([
  'path',
  'home',
  'lang',
  'lc_all',
  'tz',
  'tmpdir',
  'node_extra_ca_certs',
  'ssl_cert_file',
  'ssl_cert_dir',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'npm_config_registry',
  'npm_config_cafile',
  'npm_config_cache',
  'npm_config_userconfig',
  'npm_config_globalconfig',
  'npm_config_proxy',
  'npm_config_https_proxy',
  'npm_config_noproxy',
])

/** The part of an environment that a child may inherit. Pure. */
export function inheritedEnvironment(environment: Environment): { [name: string]: string } {
  const inherited: { [name: string]: string } = {}
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && kept.has(name.toLowerCase())) inherited[name] = value
  return inherited
}

/** What a launcher gets besides: where Node.js keeps what it compiles of it. */
export function launcherEnvironment(environment: Environment, data: string): { [name: string]: string } {
  return {
    ...inheritedEnvironment(environment),
    NODE_COMPILE_CACHE: join(data, 'cache', 'launcher'),
  }
}
