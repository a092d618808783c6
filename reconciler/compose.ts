import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { adminTokensFrom, composeDrivers, seatsOf, type Seats, type Surroundings } from './compose-drivers.ts'
import { keyFile, missingKey, openStore, openStoreForReading } from './compose-store.ts'
import { ConfigError, type Config } from './config.ts'
import { createBase, createPlace } from './apply/place.ts'
import { createHealth, type Health } from './apply/health.ts'
import { Executor } from './apply/executor.ts'
import { runAction } from './apply/run-action.ts'
import type { ActionContext } from './apply/action-context.ts'
import { Controller, type ControllerDeps } from './control/controller.ts'
import { onExecutorEvent } from './control/executor-events.ts'
import {
  credentialKeyOf,
  keepDerivedKeys,
  followCredentialKeys,
  openCredentialKeys,
  type FollowedKeys,
} from './control/credential-keys.ts'
import { createDesk, type Desk, type DeskDeps, type IdentityOf } from './control/desk.ts'
import { createFollowerDesk } from './control/follower-desk.ts'
import { FleetBoard } from './control/fleet-board.ts'
import { createSecretsInForce } from './control/read-secrets.ts'
import type { ReconcileDeps } from './control/reconcile.ts'
import { WakeQueue } from './control/wake-queue.ts'
import { createDesiredLoader, type DesiredLoader } from './desired/load-desired.ts'
import { createValidators } from './desired/validators.ts'
import { createMemberProof } from './identity/proof.ts'
import { sha256 } from './model/digest.ts'
import { byUid } from './model/inventory.ts'
import type { DriverName } from './model/resource.ts'
import type { Secret } from './model/secret.ts'
import type { StatusRecord } from './model/status-record.ts'
import type { DeletionPolicy } from './plan/gates.ts'
import { derive, openFleetKey, passingKey, type FleetKey } from './secrets/fleet-key.ts'
import { createSecretFolder } from './secrets/secret-folder.ts'
import { openSource } from './source/open-source.ts'
import { lateSource } from './source/late-source.ts'
import { SourceError, type Source } from './source/source.ts'
import type { FleetStatus } from './status/fleet-status.ts'
import { StoreError, type Store } from './store/store.ts'
import { systemClock } from './telemetry/clock.ts'
import { adminPortOffset } from './model/launcher-ports.ts'

export async function composeSource(config: Config, { environment, log }: Surroundings): Promise<Source> {
  return openSource({
    ...config.source,
    cacheDirectory: join(config.data, 'sources'),
    environment,
    clock: systemClock,
    random: Math.random,
    log,
  })
}

/** The same, be it there now or later. Only one that can never be is refused. */
export async function composeLateSource(config: Config, surroundings: Surroundings): Promise<Source> {
  const open = async (): Promise<Source> => composeSource(config, surroundings)
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof SourceError && error.code === 'source-unreachable')) throw error
    return lateSource(open, { description: config.source.url, clock: systemClock })
  }
}

/** `drivers`: those that there are; absent where nobody knows. */
export function composeLoader(config: Config, drivers?: Iterable<DriverName>): DesiredLoader {
  return createDesiredLoader({
    validators: createValidators(),
    defaultDriver: config.driver,
    ...(drivers === undefined ? {} : { drivers: new Set(drivers) }),
  })
}

/** What a preview needs: it reads, and nothing that it is made of can write. */
export async function composePreview(
  config: Config,
  policy: DeletionPolicy,
  surroundings: Surroundings,
): Promise<ReconcileDeps & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openStoreForReading(config))
  const source = stack.use(await composeSource(config, surroundings))
  const key = await previewKey(config, store)
  const drivers = composeDrivers(config, store.fleet, surroundings, adminTokensFrom(key))
  for (const driver of drivers.values()) stack.use(driver)
  const secrets = createSecretsInForce(createSecretFolder(config.secrets, systemClock), key)
  const keys = await openCredentialKeys({ store, master: key, clock: systemClock, randomBytes })
  const held = stack.move()
  return {
    source,
    loader: composeLoader(config, drivers.keys()),
    store,
    drivers,
    fingerprints: secrets.fingerprints,
    credentialKeyOf: credentialKeyOf(keys, secrets.values),
    policy,
    [Symbol.asyncDispose]: async () => held.disposeAsync(),
  }
}

export interface Composition extends AsyncDisposable {
  readonly controller: Controller
  readonly board: FleetBoard
  readonly deps: ControllerDeps
  /** A secret of its own for every purpose and subject, from the fleet key. */
  readonly derive: (purpose: string, subject: string) => Secret
  /**
   * Stops every instance of this fleet and keeps its data; the next start starts them again. Whether all of them have
   * stopped; the log names those that have not.
   */
  stopAll(signal: AbortSignal): Promise<boolean>
}

/** The whole reconciler but for its doors. */
export async function compose(
  config: Config,
  policy: DeletionPolicy,
  surroundings: Surroundings,
): Promise<Composition> {
  await makeDataFolder(config.data)
  await using stack = new AsyncDisposableStack()
  const queue = new WakeQueue()
  const store = stack.use(await openStore({ config, log: surroundings.log }, () => queue.wake('store')))
  const source = stack.use(await composeLateSource(config, surroundings))
  const adminTokenOf = await adminTokens(config, store)
  const drivers = composeDrivers(config, store.fleet, surroundings, adminTokenOf)
  for (const driver of drivers.values()) stack.use(driver)
  const assembled = await assemble({ config, policy, surroundings, store, source, drivers, queue })
  const held = stack.move()
  return { ...assembled, [Symbol.asyncDispose]: async () => held.disposeAsync() }
}

/** What proves the reconciler to the launchers of a fleet. */
export async function adminTokens(config: Config, store: Store): Promise<(uid: string) => Secret> {
  return adminTokensFrom(await openExistingKey(config, store))
}

/** What a reconciler is made of, once its adapters are open. */
export interface Adapters extends Pick<ControllerDeps, 'store' | 'source' | 'drivers' | 'policy'> {
  readonly config: Config
  readonly surroundings: Surroundings
  /** Wakes the loop. */
  readonly queue?: WakeQueue
  /** Absent: one of its own. */
  readonly board?: FleetBoard
  /** Where another reconciler leads: how it is asked to look at what runs. Nothing is done then, and nothing written. */
  readonly askToLook?: () => Promise<void>
}

/** Puts a reconciler together around adapters that somebody else opened and will close. */
export async function assemble(adapters: Adapters): Promise<Omit<Composition, keyof AsyncDisposable>> {
  const { config, store, source, board = new FleetBoard(emptyStatus(source), systemClock) } = adapters
  const leads = adapters.askToLook === undefined
  const key = leads ? await openExistingKey(config, store) : await openKeyOfLeader(config, store)
  if (leads) await store.closeInterrupted(systemClock.now().toISOString())
  board.recall(await rememberedStatus(store))
  const keyParts = { store, master: key, clock: systemClock, randomBytes }
  if (leads) await keepDerivedKeys(keyParts)
  const credentialKeys = await followCredentialKeys(keyParts)
  const deps = wire({ ...adapters, key, board, credentialKeys })
  return {
    controller: new Controller(deps),
    board,
    deps,
    derive: (purpose, subject) => derive(key, purpose, subject),
    stopAll: async (signal) => stopAll(deps, credentialsFrom(key, seatsOf(config)), signal),
  }
}

async function stopAll(
  { store, drivers, board, log }: ControllerDeps,
  credentialsOf: ActionContext['credentialsOf'],
  signal: AbortSignal,
): Promise<boolean> {
  const place = createPlace(store.fleet, drivers)
  const stops = (await store.inventory()).map(async (entry) => {
    const spec = entry.applied?.spec ?? board.current().desired?.instances.get(entry.name)
    if (spec === undefined) return true
    const stopped = place(entry, { ...spec, state: 'stopped' })
    try {
      await drivers.get(entry.driver)?.update(stopped, stopped, credentialsOf(entry.uid), signal)
      return true
    } catch (error) {
      log.error({ instance: entry.name, err: error }, 'the instance could not be stopped')
      return false
    }
  })
  return (await Promise.all(stops)).every(Boolean)
}

interface Parts extends Adapters {
  readonly key: FleetKey
  readonly board: FleetBoard
  readonly credentialKeys: FollowedKeys
}

/** Ties what looks, what acts and what is told together. */
function wire({
  config,
  surroundings,
  key,
  credentialKeys,
  queue = new WakeQueue(),
  ...parts
}: Parts): ControllerDeps {
  const { log, signal, metrics } = surroundings
  const { store, drivers, board } = parts
  const loader = composeLoader(config, parts.drivers.keys())
  const secrets = createSecretsInForce(createSecretFolder(config.secrets, systemClock), key)
  const health = createHealth()
  const place = createPlace(store.fleet, drivers)
  const seats = seatsOf(config)
  const identity = identityOf(config, seats, key)
  const proofOf = createMemberProof((purpose, subject) => derive(key, purpose, subject))
  const base = createBase(drivers)
  const desk = deskFor({ place, base, seats, credentialKeys, identity, proofOf }, health, { ...parts, log })
  const context: ActionContext = {
    store,
    drivers,
    clock: systemClock,
    newId: randomUUID,
    health,
    place,
    credentialsOf: credentialsFrom(key, seats),
    ports: new Map([['localfs', { first: config.localfs.firstPort, companion: adminPortOffset }]]),
    keepKeys: async ({ uid, spec }) => credentialKeys.keep(uid, spec, secrets.values()),
    announce: (instance) => {
      desk.announce(instance)
      board.entered(instance)
    },
    retire: desk.retire,
  }
  const executor: Executor = new Executor({
    run: async (task, taskSignal) => runAction(task, context, taskSignal),
    concurrency: config.concurrency,
    clock: systemClock,
    onEvent: (event) => onExecutorEvent({ board, queue, log, metrics, clock: systemClock }, executor)(event),
    signal,
  })
  const { fingerprints, values: secretValues } = secrets
  const acting = {
    ...followFrom({ ...parts, credentialKeys }),
    desk,
    queue,
    executor,
    health,
    credentialKeyOf: credentialKeyOf(credentialKeys, secretValues),
  }
  return { ...parts, ...acting, loader, fingerprints, secretValues, metrics, log, clock: systemClock }
}

function deskFor(
  deps: DeskDeps & { readonly credentialKeys: FollowedKeys },
  health: Health,
  {
    store,
    askToLook,
    drivers,
    log,
  }: Pick<Adapters, 'store' | 'askToLook' | 'drivers'> & Pick<ControllerDeps, 'log'>,
): Desk {
  if (askToLook === undefined) return createDesk({ ...deps, health })
  return createFollowerDesk({
    ...deps,
    store,
    askToLook,
    renewKeys: deps.credentialKeys.renew,
    configuredOf: (driver) => drivers.get(driver)?.configured,
    log,
  })
}

function followFrom({
  store,
  askToLook,
  credentialKeys,
}: Pick<Parts, 'store' | 'askToLook' | 'credentialKeys'>): Pick<ControllerDeps, 'follow'> {
  if (askToLook === undefined) return {}
  return {
    follow: async () => {
      await credentialKeys.renew()
      return statusesOfInstances(store)
    },
  }
}

export async function makeDataFolder(data: string): Promise<void> {
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`data: the folder ${data} cannot be made: ${why}`])
  }
}

/** Before anything was applied any key tells that a secret is there, and nothing is made to keep one. */
async function previewKey(config: Config, store: Store): Promise<FleetKey> {
  const key = await openFleetKey(keyFile(config), { create: false })
  if (key !== undefined) return key
  if ((await store.inventory()).length === 0) return passingKey()
  throw missingKey(config)
}

/** A store without its key is of no use: what was derived from the key cannot be made again. */
async function openExistingKey(config: Config, store: Store): Promise<FleetKey> {
  const used = (await store.inventory()).length > 0
  const key = await openFleetKey(keyFile(config), { create: !used })
  if (key !== undefined) return key
  throw missingKey(config)
}

function credentialsFrom(key: FleetKey, seats: Seats): ActionContext['credentialsOf'] {
  const adminTokenOf = adminTokensFrom(key)
  return (uid) => {
    const runtimeToken = derive(key, 'runtime-token', uid)
    return {
      runtimeUrl: seats.localfs.runtimeUrl,
      runtimeToken,
      adminToken: adminTokenOf(uid),
      tokenSha256: sha256(runtimeToken.reveal()),
    }
  }
}

/** One who follows makes no key: the leader does, and it is the same one. */
async function openKeyOfLeader(config: Config, store: Store): Promise<FleetKey> {
  const key = await openFleetKey(keyFile(config), { create: false })
  if (key !== undefined) return key
  if ((await store.inventory()).length > 0) throw missingKey(config)
  throw new StoreError(
    'store-unreachable',
    `The key of the fleet, ${keyFile(config)}, is not there yet.`,
    'The leader makes it where it can. Give every reconciler of the fleet the same file.',
  )
}

/** How an instance's editor signs people in: each is a client of its own. */
function identityOf(config: Config, seats: Seats, key: FleetKey): IdentityOf {
  return ({ uid, spec }) => ({
    issuer: config.identity.issuer,
    backChannel: `${(seats[spec.driver] ?? seats.localfs).runtimeUrl}/identity`,
    clientId: uid,
    clientSecret: derive(key, 'oidc-client', uid).reveal(),
    sessionHours: config.identity.sessionHours,
  })
}

async function statusesOfInstances(store: Store): Promise<readonly StatusRecord[]> {
  return (await store.statuses()).filter(({ kind }) => kind === 'Instance')
}

/** What is known before the store was opened. */
export function emptyStatus({ description }: Pick<Source, 'description'>): FleetStatus {
  return { fleet: '', source: { description }, inventory: new Map(), instances: new Map(), ready: false }
}

/** What is known before the first round: what was remembered. */
async function rememberedStatus(
  store: Store,
): Promise<Pick<FleetStatus, 'fleet' | 'inventory' | 'instances'>> {
  const inventory = byUid(await store.inventory())
  const records = await statusesOfInstances(store)
  const instances = new Map(records.map((record) => [record.name, record]))
  return { fleet: store.fleet, inventory, instances }
}
