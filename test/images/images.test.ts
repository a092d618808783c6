import { chown, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LauncherBootstrap } from '../../launcher/wire.ts'
import lock from '../../package-lock.json' with { type: 'json' }
import manifest from '../../package.json' with { type: 'json' }
import { instanceImage as instance, reconcilerImage as reconciler, withoutDocker } from '../engines/docker.ts'
import { docker, inspected, putFile, startContainer } from '../support/docker-cli.ts'
import { createRepository } from '../support/git-repository.ts'
import { ask, settingsFor } from '../support/launcher.ts'
import { openRuntimeDoor } from '../support/runtime-door.ts'
import { stack } from '../support/stack.ts'
import { until } from '../support/until.ts'

const skip = withoutDocker

/** Packages that nothing needs at run time, be they named in package.json or not: the lockfile marks them. */
const development = Object.entries(lock.packages).flatMap(([path, entry]) => {
  const isTop = path.lastIndexOf('node_modules/') === 0
  return isTop && 'dev' in entry ? [path.slice('node_modules/'.length)] : []
})

/** As little as a container can be given: what it needs beside this is in the images' own favour. */
const confined = [
  '--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges',
  '--memory 512m --health-interval 1s',
].flatMap((words) => words.split(' '))
const inside = (image: string, script: string) =>
  docker('run', '--rm', '--network', 'none', '--user', '0', '--entrypoint', 'sh', image, '-c', script)
const healthy = (container: string) =>
  until('it is healthy', async () => (await inspected(container, '.State.Health.Status')) === 'healthy')

/** Stops it as an operator does. Docker kills what has not ended 10 s later, and then says 137. */
async function stopped(container: string): Promise<unknown> {
  await docker('stop', container)
  return inspected(container, '.State.ExitCode')
}

t.test('the images say what they are, and run as nobody in particular', { skip }, async (t) => {
  for (const image of [instance, reconciler]) {
    t.equal(await inspected(image, '.Config.User'), '1000:1000')
    t.match(await inspected(image, '.Config.Healthcheck.Test'), ['CMD', 'healthy'])
    t.match(await inspected(image, '.Config.Labels'), {
      'org.opencontainers.image.title': /^Weir/,
      'org.opencontainers.image.description': /Node-RED/,
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': manifest.license,
      'org.opencontainers.image.revision': /^[0-9a-f]{40}(-dirty)?$/,
      'org.opencontainers.image.created': /^\d{4}-\d\d-\d\dT/,
    })
  }
  const versions = { 'weir.node-red': stack.nodeRed, 'weir.node': /^24\.\d+\.\d+$/ }
  t.match(await inspected(instance, '.Config.Labels'), versions)
})

t.test('whoever runs them can read them, and the licences', { skip }, async (t) => {
  for (const image of [instance, reconciler]) {
    const script =
      'find /opt ! -type l ! -perm -o=r | head; ls /opt/weir/LICENSE /usr/share/doc/tini/copyright'
    t.equal(await inside(image, script), '/opt/weir/LICENSE\n/usr/share/doc/tini/copyright')
  }
})

t.test('nothing is in the images that is not run', { skip }, async (t) => {
  t.ok(development.includes('tap'))
  for (const image of [instance, reconciler]) {
    const has = (await inside(image, 'cd /opt/weir/node_modules && ls -d * @*/*')).split('\n')
    t.same(
      development.filter((name) => has.includes(name)),
      [],
      image,
    )
    t.equal(await inside(image, 'find / -xdev -name _cacache -o -xdev -name _logs'), '', 'no cache of npm')
    t.equal(await inside(image, 'find / -xdev -user 1000 ! -path "/home/*" | sort'), owned[image], 'its own')
  }
})

const owned: { readonly [image: string]: string } = {
  [instance]: '/data\n/run/weir',
  [reconciler]: '/var/lib/weir',
}

t.test('an instance runs on a root that nobody can write', { skip }, async (t) => {
  const tmpfs = '/run/weir:uid=1000,gid=1000,mode=0700'
  const container = await startContainer(t, ...confined, '--volume', '/data', '--tmpfs', tmpfs, instance)
  const door = await openRuntimeDoor(
    'runtime-token',
    0,
    String(await inspected(container, '.NetworkSettings.Gateway')),
  )
  t.teardown(() => door.close())
  door.settings = settingsFor(1880, { host: '0.0.0.0', memory: 256 * 2 ** 20 })
  const bootstrap: LauncherBootstrap = {
    uid: 'uid-1',
    name: 'press-1',
    fleet: 'fleet-1',
    runtimeUrl: door.url,
    runtimeToken: door.token,
    adminToken: 'admin-token',
    adminHost: '0.0.0.0',
    adminPort: 2880,
    stack: '/opt/node-red',
    node: '/usr/local/bin/node',
    versions: { nodeRed: stack.nodeRed, node: process.versions.node },
  }
  await putFile(container, '/run/weir/launcher.json', JSON.stringify(bootstrap))
  await healthy(container)
  const address = await inspected(container, '.NetworkSettings.IPAddress')
  t.equal((await ask(`http://${address}:1880/settings`)).status, 401, 'the editor is there, and closed')
  t.equal(door.states.at(-1)?.state.phase, 'running')
  const exec = (script: string) => docker('exec', container, 'sh', '-c', script)
  await t.rejects(exec('echo >/opt/weir/dist/launcher/main.js'), /Read-only file system/)
  await compiledAhead(t, exec)
  t.equal(await exec('npm config get cache'), '/data/.npm', 'npm writes where it may')
  const names = JSON.stringify(['@node-rs/argon2', 'openid-client'])
  const load = `Promise.all(${names}.map((name) => import(name))).then((all) => console.log(all.length))`
  t.equal(await docker('exec', '--workdir', '/opt/weir', container, 'node', '--eval', load), '2')

  const orphan = await exec('sleep 0.2 >/dev/null 2>&1 & echo $!')
  await until('nothing is left of an orphan', () =>
    exec(`test ! -e /proc/${orphan} && echo gone || true`).then(Boolean),
  )

  t.equal(await stopped(container), 0)
  t.equal(door.states.at(-1)?.state.phase, 'stopped', 'the launcher said so')
})

/** Node.js says of every file whether it could use what was compiled; with the flags of a memory limit, too. */
async function compiledAhead(t: Test, exec: (script: string) => Promise<string>): Promise<void> {
  const environment = 'NODE_COMPILE_CACHE=/opt/node-red/compile-cache NODE_DEBUG_NATIVE=COMPILE_CACHE'
  const command = `node --max-old-space-size=168 --eval 'require("/opt/node-red/node_modules/node-red")'`
  const said = await exec(`${environment} ${command} 2>&1`)
  t.ok(said.split('was accepted').length > 200, 'what runs was compiled ahead')
  t.notMatch(said, /was rejected|permission denied/)
}

t.test(
  'a reconciler keeps a fleet from a Git repository, on a root that nobody can write',
  { skip },
  async (t) => {
    const folder = t.testdir({
      'weir.yaml': 'listen: 0.0.0.0:3000\nsource: { url: /fleet }\ndata: /var/lib/weir\n',
    })
    const fleet = join(folder, 'fleet')
    const repository = await createRepository(fleet)
    await repository.write(
      'assembly.yaml',
      'apiVersion: weir/v1\nkind: Team\nmetadata: { name: assembly }\nspec: { members: [] }\n',
    )
    await repository.commit('Begin')
    // Git reads no repository of somebody else's
    for (const name of ['.', ...(await readdir(fleet, { recursive: true }))])
      await chown(join(fleet, name), 1000, 1000)
    const volumes = [
      '/var/lib/weir',
      `${fleet}:/fleet:ro`,
      `${join(folder, 'weir.yaml')}:/etc/weir/weir.yaml:ro`,
    ]
    const mounted = volumes.flatMap((volume) => ['--volume', volume])
    const container = await startContainer(t, ...confined, ...mounted, reconciler)
    await healthy(container)
    const address = await inspected(container, '.NetworkSettings.IPAddress')
    await until(
      'it has read the fleet',
      async () => (await ask(`http://${address}:3000/readyz`)).status === 200,
    )
    await t.rejects(docker('exec', container, 'sh', '-c', 'echo >/opt/weir/bin/reconcile.js'), /Read-only/)
    t.equal(await docker('exec', container, 'reconcile', '--version'), manifest.version)
    t.equal(await stopped(container), 0)
  },
)
