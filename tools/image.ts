/**
 * `npm run image`: builds the reconciler's image and an instance's, and says what they are called and how large they are.
 * `--node-red VERSION` builds the instance's for another Node-RED.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const base = 'node:24-bookworm-slim'
const { values } = parseArgs({ options: { 'node-red': { type: 'string', default: '5.0.7' } } })
const nodeRed = values['node-red']
const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function answerOf(file: string, ...words: readonly string[]): string {
  return execFileSync(file, words, { cwd: root, encoding: 'utf8' }).trim()
}

const engine = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' })
if (engine.status !== 0) {
  const why = engine.error?.message ?? engine.stderr.trim()
  process.stderr.write(
    `There is no Docker Engine to build with: ${why}\nOn Debian, test/engines/docker up starts one.\n`,
  )
  process.exit(1)
}

// Where buildx is missing, as in Debian, only the older builder is there; its steps get no network of their own to resolve names on.
const older = spawnSync('docker', ['buildx', 'version']).status !== 0

function build(what: string, tags: readonly string[], values: Readonly<Record<string, string>>): void {
  const told = Object.entries(values).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
  const words = [
    'build',
    '--file',
    `images/${what}/Dockerfile`,
    ...tags.flatMap((tag) => ['--tag', tag]),
    ...told,
  ]
  execFileSync('docker', [...words, ...(older ? ['--network', 'host'] : []), '.'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(older ? { DOCKER_BUILDKIT: '0' } : {}) },
  })
}

const built = {
  reconciler: [`weir:${version}`],
  // The second is what a Stack names: its image is replaced when Weir is.
  instance: [`weir-instance:${version}-node-red-${nodeRed}`, `weir-instance:${nodeRed}`],
}
execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' })
const told = {
  VERSION: version,
  REVISION: answerOf('git', 'describe', '--always', '--abbrev=40', '--dirty'),
  CREATED: answerOf('git', 'log', '-1', '--format=%cI'),
}
build('instance', built.instance, {
  ...told,
  NODE_RED: nodeRed,
  NODE_VERSION: answerOf('docker', 'run', '--rm', base, 'node', '--print', 'process.versions.node'),
})
build('reconciler', built.reconciler, told)

process.stdout.write('\n')
for (const [name = '', ...others] of Object.values(built)) {
  const mebibytes = Number(answerOf('docker', 'image', 'inspect', '--format', '{{.Size}}', name)) / 2 ** 20
  process.stdout.write(`${[name, ...others].join(', ')}  ${mebibytes.toFixed(0)} MiB\n`)
}
