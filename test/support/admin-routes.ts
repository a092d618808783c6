/**
 * Prints every route of Node-RED's admin app as JSON, read from its Express routers: of the Node-RED below the given
 * stack, started on the given settings.js and user folder. A process of its own, since Node-RED ends none of what it starts.
 */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** One route: `/flows` for a text, `/^\/nodes$/` for a pattern, each below where its app is mounted. */
export interface AdminRoute {
  readonly method: string
  readonly path: string
}

interface Layer {
  readonly route?: { readonly path: string | RegExp; readonly methods: Readonly<Record<string, boolean>> }
  readonly handle: { readonly stack?: readonly Layer[] }
}

interface App {
  readonly _router?: { readonly stack: readonly Layer[] }
}

const [stack, settingsFile, user] = process.argv.slice(2)
if (stack === undefined || settingsFile === undefined || user === undefined) throw new Error('which stack?')
const fromStack = createRequire(join(stack, 'node_modules/node-red/red.js'))

/** Express hides an app behind the function that it mounts it with, so that who is mounted where is noted on the way. */
const mounted = new Map<unknown, { path: string; app: App }[]>()
const { application } = fromStack('express')
const { use } = application
application.use = function noteMounted(this: unknown, ...given: unknown[]) {
  const path = typeof given[0] === 'string' ? given[0].replace(/\/$/, '') : ''
  for (const app of given) if (isApp(app)) mounted.set(this, [...(mounted.get(this) ?? []), { path, app }])
  return use.apply(this, given)
}

const red = fromStack('node-red')
const settings = fromStack(settingsFile)
red.init(createServer(), {
  ...settings,
  userDir: user,
  httpAdminRoot: '/',
  httpNodeRoot: '/',
  logging: { console: { level: 'off' } },
})
await red.start()
process.stdout.write(JSON.stringify(routesOf(red.httpAdmin, '')), () => process.exit())

function isApp(value: unknown): value is App {
  return typeof value === 'function' && 'handle' in value && 'set' in value
}

function routesOf(app: App, base: string): readonly AdminRoute[] {
  const own = inStack(app._router?.stack ?? [], base)
  const below = (mounted.get(app) ?? []).flatMap(({ path, app: child }) => routesOf(child, base + path))
  return [...own, ...below]
}

function inStack(layers: readonly Layer[], base: string): readonly AdminRoute[] {
  return layers.flatMap(({ route, handle }) => {
    if (route === undefined) return inStack(handle.stack ?? [], base)
    return Object.keys(route.methods).map((method) => ({
      method: method.toUpperCase(),
      path: base + String(route.path),
    }))
  })
}
