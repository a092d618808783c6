import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Inventory, InventoryEntry } from '../model/inventory.ts'
import type { Observation, ObservedState } from '../model/observed-state.ts'
import type { EnvValue, ResolvedInstance } from '../model/resource.ts'
import type { FleetStatus } from './fleet-status.ts'
import { stateDocumentSchema } from './state-document-schema.ts'

/** What a dry run against a running reconciler needs of it, as JSON: observed state and inventory. */
export interface StateDocument {
  readonly apiVersion: 'weir/v1'
  readonly kind: 'State'
  readonly fleet: string
  /** When it was observed, RFC 3339; absent before the first observation. */
  readonly observedAt?: string
  readonly inventory: readonly InventoryEntry[]
  readonly observations: readonly Observation[]
  /** Driver to why it could not be asked. */
  readonly unreachable: { readonly [driver: string]: string }
  /**
   * Secret to the keyed fingerprint of its content as last applied, so that a dry run elsewhere sees `unchanged` for
   * what it cannot read.
   */
  readonly secretFingerprints: { readonly [secret: string]: string }
}

export function toStateDocument(status: FleetStatus): StateDocument {
  const inventory = [...status.inventory.values()]
  return {
    apiVersion: 'weir/v1',
    kind: 'State',
    fleet: status.fleet,
    ...(status.observedAt === undefined ? {} : { observedAt: status.observedAt }),
    inventory,
    observations: [...(status.observed?.observations.values() ?? [])],
    unreachable: Object.fromEntries(status.observed?.unreachable ?? []),
    secretFingerprints: fingerprintsIn(inventory),
  }
}

function fingerprintsIn(inventory: readonly InventoryEntry[]): { readonly [secret: string]: string } {
  const fingerprints = new Map<string, string>()
  for (const { applied } of inventory)
    for (const value of applied === undefined ? [] : secretValuesOf(applied.spec))
      if ('secret' in value && value.fingerprint !== undefined)
        fingerprints.set(value.secret, value.fingerprint)
  return Object.fromEntries(fingerprints)
}

function secretValuesOf({ env, credentialSecret }: ResolvedInstance): readonly EnvValue[] {
  return [...Object.values(env), ...(credentialSecret === undefined ? [] : [credentialSecret])]
}

/** The document is not what a reconciler of this version answers. */
export class StateDocumentError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StateDocumentError'
  }
}

export interface State {
  readonly fleet: string
  readonly observedAt?: string
  readonly inventory: Inventory
  readonly observed: ObservedState
  readonly secretFingerprints: ReadonlyMap<string, string>
}

/**
 * Compiles the schema on every call, which is once per program, so that programs that never call it need not wait.
 * @throws StateDocumentError with the place of the first mistake.
 */
export function parseStateDocument(document: unknown): State {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile<StateDocument>(
    stateDocumentSchema,
  )
  if (!validate(document)) {
    const [first] = validate.errors ?? []
    throw new StateDocumentError(
      `not a state document: ${first?.instancePath || '/'} ${first?.message ?? ''}`,
    )
  }
  const { fleet, observedAt, inventory, observations, unreachable, secretFingerprints } = document
  return {
    fleet,
    ...(observedAt === undefined ? {} : { observedAt }),
    inventory: new Map(inventory.map((entry) => [entry.uid, entry])),
    observed: {
      observations: new Map(observations.map((one) => [one.uid, one])),
      unreachable: new Map(Object.entries(unreachable)),
    },
    secretFingerprints: new Map(Object.entries(secretFingerprints)),
  }
}
