import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Registry } from 'prom-client'
import type { Composition } from './compose.ts'
import { seatsOf } from './compose-drivers.ts'
import type { Config } from './config.ts'
import type { RuntimeDesk } from './api/runtime-desk.ts'
import { createServer, listen } from './api/server.ts'
import { createAuthenticate } from './identity/authenticate.ts'
import type { Directory } from './identity/directory.ts'
import { createIdentity, identityPath, type Identity, type IdentityDeps } from './identity/identity.ts'
import { createSignInLimit, type SignInLimit } from './identity/rate-limit.ts'
import { instanceUrls } from './model/instance-urls.ts'
import type { InventoryEntry } from './model/inventory.ts'
import { Secret } from './model/secret.ts'
import type { Logger } from './telemetry/logger.ts'
import { systemClock } from './telemetry/clock.ts'
import { reachableUrl } from './model/reachable.ts'

/** What the doors are made of. */
export interface BehindDoors extends Pick<Composition, 'board' | 'derive'> {
  readonly deps: Pick<Composition['deps'], 'drivers' | 'store'> & { readonly desk: RuntimeDesk }
}

/** Opens the doors. Returns their URL; disposing closes them. */
export async function openDoors(
  config: Config,
  composition: BehindDoors,
  { log, registry }: { readonly log: Logger; readonly registry: Registry },
): Promise<AsyncDisposable & { readonly url: string }> {
  const { board, deps } = composition
  const driverFor = (uid: string) => {
    const entry = board.current().inventory.get(uid)
    return entry === undefined ? undefined : deps.drivers.get(entry.driver)
  }
  // until Git was read nobody is known, and that is an outage, not a refusal
  const desired = () => (board.current().source.revision === undefined ? undefined : board.current().desired)
  const limit = createSignInLimit({ store: deps.store, clock: systemClock })
  const seats = seatsOf(config)
  const urls = ({ driver, port }: InventoryEntry, hostnames: readonly string[]) =>
    instanceUrls(seats[driver], port, hostnames)
  const directory: Directory = {
    people: desired,
    instance: (uid) => board.current().inventory.get(uid),
    urls,
  }
  const identity = openIdentity(config, composition, { directory, limit })
  const server = await createServer({
    feed: board,
    desk: deps.desk,
    store: deps.store,
    clock: systemClock,
    logs: (uid, options, signal) => driverFor(uid)?.logs?.(uid, options, signal),
    logPage: (uid, options, signal) => driverFor(uid)?.logPage?.(uid, options, signal),
    samples: (uid, since, signal) => driverFor(uid)?.samples?.(uid, since, signal),
    authenticate: createAuthenticate({
      desired,
      limit,
      clock: systemClock,
      issued: identity.issued,
      derive: composition.derive,
    }),
    identity,
    metrics: registry,
    log,
    urlOf: (entry, { hostnames }) => urls(entry, hostnames)[0],
    trustProxy: config.trustProxy,
  })
  const url = await listen(server, config.listen)
  return { url, [Symbol.asyncDispose]: async () => server.close() }
}

function openIdentity(
  config: Config,
  { deps, derive }: BehindDoors,
  shared: { readonly directory: Directory; readonly limit: SignInLimit },
): Identity {
  const { issuer, sessionHours, upstream } = config.identity
  const { host, port } = config.listen
  return createIdentity({
    ...shared,
    issuer,
    sessionHours,
    backChannel: `${reachableUrl(host, port)}${identityPath}`,
    derive,
    newToken: () => randomBytes(32).toString('base64url'),
    store: deps.store,
    clock: systemClock,
    ...(upstream === undefined ? {} : { upstream: { ...upstream, clientSecret: fileSecret(upstream) } }),
  })
}

/** One newline at its end is not part of it. */
function fileSecret({
  clientSecret: file,
}: {
  readonly clientSecret: string
}): NonNullable<IdentityDeps['upstream']>['clientSecret'] {
  return async (signal) =>
    new Secret((await readFile(file, { encoding: 'utf8', signal })).replace(/\r?\n$/, ''))
}
