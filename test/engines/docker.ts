import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import manifest from '../../package.json' with { type: 'json' }
import { stack } from '../support/stack.ts'

export const instanceImage = `weir-instance:${stack.nodeRed}`
export const reconcilerImage = `weir:${manifest.version}`

/** For `t.test(…, { skip })`: why a suite is left out, and what lets it run; false where it runs. */
export const withoutDocker: string | false =
  spawnSync('docker', ['image', 'inspect', instanceImage, reconcilerImage], { stdio: 'ignore' }).status === 0
    ? false
    : 'needs a Docker Engine and our images in it: test/engines/docker up && npm run image'

/** The same for suites that need a server of Debian's beside it. */
function without(program: string, debian: string): string | false {
  if (withoutDocker !== false) return withoutDocker
  return existsSync(program) ? false : `needs ${debian}: test/engines/docker up`
}

export const withoutNginx = without('/usr/sbin/nginx', 'nginx')
const answers = (program: string, ...words: readonly string[]) =>
  spawnSync(program, words, { stdio: 'ignore' }).status === 0

/** Compose, as the plugin of the docker command or as Debian packages it. */
export const composeCommand: readonly [string, ...string[]] = answers('docker', 'compose', 'version')
  ? ['docker', 'compose']
  : ['docker-compose']

/** What stands in for images of Docker Hub where the engine has not got those, by the beginning of their names. */
export const standIns = {
  'postgres:': 'weir-stand-in-postgres',
  'nginxproxy/nginx-proxy:': 'weir-stand-in-nginx-proxy',
} as const

function composeMissing(): string | false {
  if (withoutDocker !== false) return withoutDocker
  return answers(...composeCommand, 'version') &&
    answers('docker', 'image', 'inspect', ...Object.values(standIns))
    ? false
    : 'needs Compose and what stands in for images of Docker Hub: test/engines/docker up'
}

export const withoutCompose = composeMissing()
export const withoutRegistry = without('/usr/bin/docker-registry', 'docker-registry')
export const withoutSshd = without('/usr/sbin/sshd', 'openssh-server')
