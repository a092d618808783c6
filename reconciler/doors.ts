import type { Registry } from 'prom-client'
import type { Composition } from './compose.ts'
import type { Config } from './config.ts'
import { createServer, listen } from './api/server.ts'
import { createAuthenticate } from './identity/authenticate.ts'
import { createSignInLimit } from './identity/rate-limit.ts'
import type { Logger } from './telemetry/logger.ts'
import { systemClock } from './telemetry/clock.ts'
import { reachableUrl } from './model/reachable.ts'

/** Opens the status and runtime doors. Returns their URL; disposing closes them. */
export async function openDoors(
  config: Config,
  { board, deps }: Composition,
  { log, registry }: { readonly log: Logger; readonly registry: Registry },
): Promise<AsyncDisposable & { readonly url: string }> {
  const driverFor = (uid: string) => {
    const entry = board.current().inventory.get(uid)
    return entry === undefined ? undefined : deps.drivers.get(entry.driver)
  }
  const server = await createServer({
    feed: board,
    desk: deps.desk,
    store: deps.store,
    clock: systemClock,
    logs: (uid, options, signal) => driverFor(uid)?.logs?.(uid, options, signal),
    logPage: (uid, options, signal) => driverFor(uid)?.logPage?.(uid, options, signal),
    samples: (uid, since, signal) => driverFor(uid)?.samples?.(uid, since, signal),
    authenticate: createAuthenticate({
      // until Git was read nobody is known, and that is an outage, not a refusal
      desired: () => (board.current().source.revision === undefined ? undefined : board.current().desired),
      limit: createSignInLimit(),
      clock: systemClock,
    }),
    metrics: registry,
    log,
    urlOf: ({ port }) => (port === undefined ? undefined : editorUrl(config.localfs.host, port)),
  })
  const url = await listen(server, config.listen)
  return { url, [Symbol.asyncDispose]: async () => server.close() }
}

/** Where an instance on this machine answers; a wildcard address is reached by loopback. */
export function editorUrl(host: string, port: number): string {
  return `${reachableUrl(host, port)}/`
}
