/**
 * `npm start`: makes a Git repository of examples/quickstart, once, and runs its fleet until Ctrl-C. Nothing of it is
 * left running afterwards; what it keeps is in var/.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { main } from '../reconciler/main.ts'

const root = join(import.meta.dirname, '..')
const fleet = join(root, 'var/fleet')
const draft = `${fleet}.new`
const shown = relative(process.cwd(), fleet)
const run = promisify(execFile)

async function git(...args: readonly string[]): Promise<void> {
  const identity = [
    '-c',
    'user.name=Weir quickstart',
    '-c',
    'user.email=quickstart@example.com',
    '-c',
    'commit.gpgsign=false',
    '-c',
    'core.hooksPath=/dev/null',
  ]
  await run('git', ['-C', draft, ...identity, ...args])
}

if (!existsSync(fleet)) {
  // built beside and renamed, so that it is there whole or not at all
  await rm(draft, { recursive: true, force: true })
  await mkdir(dirname(draft), { recursive: true })
  await cp(join(root, 'examples/quickstart'), draft, { recursive: true })
  await git('init', '--quiet', '--initial-branch', 'main')
  await git('add', '--all')
  await git('commit', '--quiet', '--message', 'Begin with the quickstart fleet')
  await rename(draft, fleet)
}
process.stderr.write(`Git repository of the fleet: ${shown}\n`)
process.stderr.write('Installing Node-RED from npm the first time takes some 20 s.\n')

await main(
  [
    'serve',
    '--progress',
    '--stop-instances',
    '--source',
    fleet,
    '--branch',
    'main',
    '--data',
    join(root, 'var/data'),
  ],
  (url) => {
    process.stderr
      .write(`Sign in to an editor as alice (password alice-weir), bob (bob-weir; reads only) or carol (carol-weir).
Ask the status API:  curl -u alice:alice-weir ${url}/api/v1/instances
                     WEIR_TOKEN=alice:alice-weir npx reconcile status
Change the fleet:    edit ${join(shown, 'teams/assembly.yaml')}, then: git -C ${shown} commit -am "Say good evening"
Ctrl-C ends it.
`)
  },
)
