import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from './launcher.ts'

const run = promisify(execFile)

/** A package that a registry has: its files beside package.json, and what else that says. */
export interface Published {
  readonly name: string
  readonly version: string
  readonly files?: Readonly<Record<string, string>>
  readonly manifest?: object
}

/** A registry of npm packages on this machine, as far as `npm install` asks one. */
export interface Registry {
  readonly url: string
  /** The paths that were asked for, in order. */
  readonly asked: string[]
  /** Packages that are not answered about. */
  readonly mute: Set<string>
  /** Answers about all, and what was asked meanwhile. */
  speak(): void
  /** Where npm is told of it: a home of its own, with a cache of its own. */
  readonly home: string
  close(): Promise<void>
}

/** Opens a registry in a folder, and makes it the one that launchers of this process and their Node-RED ask. */
export async function openRegistry(
  t: Pick<Test, 'teardown'>,
  folder: string,
  packages: readonly Published[],
): Promise<Registry> {
  const tarballs = new Map<string, Buffer>()
  for (const one of packages) tarballs.set(`/${one.name}/-/${one.version}.tgz`, await packed(folder, one))
  let held: (() => void)[] = []
  const answer = (path: string, response: ServerResponse): unknown => {
    const versions = packages.filter(({ name }) => path === `/${name}` || path.startsWith(`/${name}/`))
    if (versions.some(({ name }) => registry.mute.has(name))) return held.push(() => answer(path, response))
    const tarball = tarballs.get(path)
    if (tarball !== undefined) return response.end(tarball)
    if (versions.length > 0) return response.end(JSON.stringify(packument(registry.url, versions, tarballs)))
    response.statusCode = 404
    return response.end('{}')
  }
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    registry.asked.push(path)
    answer(path, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const home = join(folder, 'home')
  const registry: Registry = {
    url: `http://127.0.0.1:${address.port}`,
    asked: [],
    mute: new Set(),
    speak: () => {
      registry.mute.clear()
      const waiting = held
      held = []
      for (const say of waiting) say()
    },
    home,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  mkdirSync(home, { recursive: true })
  writeFileSync(join(home, '.npmrc'), `registry=${registry.url}\n`)
  t.teardown(useHome(home))
  t.teardown(async () => {
    await registry.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return registry
}

/** Gives what puts the environment back. */
function useHome(home: string): () => void {
  const before = { ...process.env }
  for (const name of Object.keys(process.env)) if (/^npm_config_/i.test(name)) delete process.env[name]
  process.env['HOME'] = home
  return () => Object.assign(process.env, before)
}

async function packed(folder: string, { name, version, files = {}, manifest }: Published): Promise<Buffer> {
  const root = join(folder, 'packages', `${name}-${version}`)
  const content = { 'package.json': JSON.stringify({ name, version, ...manifest }), ...files }
  for (const [path, text] of Object.entries(content)) {
    mkdirSync(dirname(join(root, 'package', path)), { recursive: true })
    writeFileSync(join(root, 'package', path), text)
  }
  await run('tar', ['-czf', join(root, 'package.tgz'), '-C', root, 'package'])
  return readFileSync(join(root, 'package.tgz'))
}

function packument(url: string, versions: readonly Published[], tarballs: ReadonlyMap<string, Buffer>) {
  const described = versions.map(({ name, version, manifest }) => {
    const path = `/${name}/-/${version}.tgz`
    const integrity = `sha512-${createHash('sha512')
      .update(tarballs.get(path) ?? '')
      .digest('base64')}`
    const scripted = JSON.stringify(manifest ?? {}).includes('install"')
    return [
      version,
      { name, version, ...manifest, hasInstallScript: scripted, dist: { tarball: url + path, integrity } },
    ] as const
  })
  return {
    name: versions[0]?.name,
    'dist-tags': { latest: versions.at(-1)?.version },
    versions: Object.fromEntries(described),
  }
}

/** A package with one Node-RED node of the type that it is named like. */
export function nodePackage(name: string, version: string, manifest: object = {}): Published {
  const type = name.replaceAll(/[^a-z]/g, '-')
  return {
    name,
    version,
    manifest: { 'node-red': { nodes: { [type]: 'node.js' } }, keywords: ['node-red'], ...manifest },
    files: {
      'node.js': `module.exports = (RED) => RED.nodes.registerType('${type}', function (n) { RED.nodes.createNode(this, n) })`,
      'node.html': `<script type="text/javascript">RED.nodes.registerType('${type}', { category: 'function', defaults: {} })</script>`,
    },
  }
}
