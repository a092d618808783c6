/**
 * examples/docker-compose, brought up as its README tells: its own files and commands, in a copy, since the names and
 * addresses in it are the engine's. What stands in: where the engine has not got the images of Docker Hub that it names,
 * Debian's PostgreSQL for `postgres`, told what it is by the same variables, and Debian's nginx for
 * `nginxproxy/nginx-proxy`, configured from containers as that one is (test/engines/stand-ins).
 */
import { execFile } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { chown, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { composeCommand, standIns, withoutCompose } from '../engines/docker.ts'
import { newPerson, openBrowser, visit } from '../support/browser.ts'
import { docker, inspected } from '../support/docker-cli.ts'
import { freePortPair } from '../support/free-port.ts'
import { createRepository, type TestRepository } from '../support/git-repository.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const example = join(import.meta.dirname, '../../examples/docker-compose')
const project = `weir-test-${randomBytes(4).toString('hex')}`

/** A copy with a name, a network and a port of its own; then what the README has a newcomer type. */
async function prepare(t: Test, port: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-compose-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(example, folder, { recursive: true })
  const network = `10.${randomInt(128, 256)}.8`
  const change = async (file: string, ...changes: readonly (readonly [RegExp, string])[]) => {
    let text = await readFile(join(folder, file), 'utf8')
    for (const [from, to] of changes) {
      t.match(text, from, file)
      text = text.replace(from, to)
    }
    await writeFile(join(folder, file), text)
  }
  const addresses = [/172\.30\.8/g, network] as const
  await change('compose.yaml', addresses, [/name: weir/g, `name: ${project}`])
  await change(
    'weir.yaml',
    addresses,
    [/network: weir/, `network: ${project}`],
    [/weir\.localhost/, `weir.localhost:${port}`],
    [/scheme: http/, `scheme: http, port: ${port}`],
  )
  const readme = await readFile(join(folder, 'README.md'), 'utf8')
  const [, typed = ''] = /cd examples\/docker-compose\n([^]*?)```/.exec(readme) ?? []
  t.match(typed, /secrets\/fleet-key/)
  const commands = `set -e\n${typed.replaceAll('sudo ', '')}echo HTTP_PORT=${port} >>.env\n`
  await run('bash', ['-c', commands], { cwd: folder })
  return folder
}

/** Gives tags of Docker Hub that the engine has not got to what stands in for them, for the time of the test. */
async function tagStandIns(t: Test): Promise<void> {
  const text = await readFile(join(example, 'compose.yaml'), 'utf8')
  for (const [, image = ''] of text.matchAll(/image: (\S+)/g)) {
    const standIn = Object.entries(standIns).find(([name]) => image.startsWith(name))?.[1]
    if (standIn === undefined || (await docker('images', '--quiet', image)) !== '') continue
    await docker('tag', standIn, image)
    t.teardown(() => docker('rmi', image))
  }
}

/** Git takes the work tree of nobody else, and the reconciler runs as user 1000. */
async function commitAs1000(repository: TestRepository, message: string): Promise<void> {
  const { directory } = repository
  const own = async (user: number) => {
    for (const name of ['.', ...(await readdir(directory, { recursive: true }))])
      await chown(join(directory, name), user, user)
  }
  await own(0)
  await repository.commit(message)
  await own(1000)
}

const names = async (...words: readonly string[]): Promise<readonly string[]> =>
  (await docker(...words)).split('\n').filter(Boolean).toSorted()
const instances = async () =>
  names('ps', '--format', '{{.Names}}', '--filter', `network=${project}`, '--filter', 'label=weir.uid')
const volumes = async () => names('volume', 'ls', '--format', '{{.Name}}', '--filter', `name=^${project}-`)

const press3 = `apiVersion: weir/v1
kind: Instance
metadata: { name: press-line-3 }
spec: { team: assembly, stack: node-red-5, hostname: press-line-3.localhost, resources: { memory: 256Mi } }
`

t.test(
  'the Compose example, from nothing to an editor, down, and up again',
  { skip: withoutCompose },
  async (t) => {
    const port = await freePortPair()
    await tagStandIns(t)
    const folder = await prepare(t, port)
    const [command, ...first] = composeCommand
    const compose = (...words: readonly string[]) =>
      run(command, [...first, '--project-name', project, ...words], { cwd: folder })
    t.teardown(async () => {
      await docker('rm', '--force', `${project}_reconciler_1`, `${project}-reconciler-1`).catch(
        () => undefined,
      )
      for (const one of await instances()) {
        const uid = String(await inspected(one, '(index .Config.Labels "weir.uid")'))
        await docker('rm', '--force', one)
        await docker('volume', 'rm', `weir-${uid}`)
      }
      await compose('down', '--volumes')
    })
    const repository = await createRepository(join(folder, 'fleet'))
    await commitAs1000(repository, 'Two presses')

    await compose('up', '--detach')
    const services = async () => (await compose('ps', '--quiet')).stdout.trim().split('\n')
    const healthy = async () => {
      const states = await Promise.all((await services()).map((id) => inspected(id, '.State.Health.Status')))
      return states.length === 3 && states.every((state) => state === 'healthy')
    }
    await until('all services are healthy', healthy, { every: 200 })
    await until('both presses are there', async () => (await instances()).length === 2, { every: 200 })

    const browser = await openBrowser(t)
    const page = await newPerson(browser)
    const open = async (name: string) => {
      const url = `http://${name}.localhost:${port}/`
      await until(
        `${name} answers`,
        async () => (await page.goto(url).catch(() => undefined))?.ok() === true,
        { every: 200 },
      )
      return url
    }
    await visit(page, await open('press-line-1'), 'alice', 'alice-weir')
    await page.locator('#red-ui-header').waitFor()
    t.match(page.url(), `http://press-line-1.localhost:${port}/`)

    const kept = await docker(
      'exec',
      (await names('ps', '-q', '--filter', `volume=${project}-store`))[0] ?? '',
      'psql',
      '--host=127.0.0.1',
      '--username=weir',
      '--tuples-only',
      '--no-align',
      '--command=SELECT name FROM instances ORDER BY name',
      '--no-password',
      'weir',
    )
    t.strictSame(kept.split('\n'), ['press-line-1', 'press-line-2'], 'the store is PostgreSQL')

    // the network stays, and version 1 of Compose calls that a failure
    await compose('down').catch(({ stderr }) => t.match(stderr, /network .* has active endpoints/))
    t.strictSame(await names('ps', '--quiet', '--filter', `label=com.docker.compose.project=${project}`), [])
    t.strictSame(await volumes(), [`${project}-data`, `${project}-store`])
    const before = await instances()
    t.equal(before.length, 2, 'instances run on')

    await repository.write('press-line-3.yaml', press3)
    await commitAs1000(repository, 'Add a press')
    await compose('up', '--detach')
    await until('a press is added', async () => (await instances()).length === 3, { every: 200 })
    await until('all services are healthy', healthy, { every: 200 })
    await page.goto(await open('press-line-3'))
    await page.locator('#red-ui-header').waitFor()
    t.strictSame(
      (await instances()).filter((name) => !name.includes('press-line-3')),
      before,
      'the others are as they were',
    )
  },
)
