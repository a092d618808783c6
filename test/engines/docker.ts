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
export const withoutSshd = without('/usr/sbin/sshd', 'openssh-server')
