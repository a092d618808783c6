import { judge, type Judging, type Round } from './judge.ts'
import { observe } from './observe.ts'
import { observeEdits } from './observe-edits.ts'
import type { DesiredLoader } from '../desired/load-desired.ts'
import type { Driver } from '../drivers/driver.ts'
import type { DesiredState } from '../model/desired-state.ts'
import { byUid } from '../model/inventory.ts'
import type { DriverName } from '../model/resource.ts'
import { secretNames, type Fingerprints } from '../secrets/attach-secrets.ts'
import type { CredentialKeyOf } from '../secrets/check-credentials.ts'
import type { Source } from '../source/source.ts'
import type { Store } from '../store/store.ts'

export interface ReconcileDeps extends Pick<Judging, 'policy' | 'lenient'> {
  readonly source: Source
  readonly loader: DesiredLoader
  readonly store: Pick<Store, 'inventory' | 'flows'>
  readonly drivers: ReadonlyMap<DriverName, Driver>
  readonly fingerprints: (names: ReadonlySet<string>, signal: AbortSignal) => Promise<Fingerprints>
  readonly credentialKeyOf: CredentialKeyOf
}

/** What Git declares now. */
export async function readDesired(deps: ReconcileDeps, signal: AbortSignal): Promise<DesiredState> {
  const snapshot = await deps.source.snapshot(signal)
  return deps.loader.load(snapshot, signal)
}

/**
 * From what Git declares to a plan: look at what was applied and at what runs, compare, and let policy judge. Nothing
 * is written; a dry run ends here, and an apply carries out the plan that it returns.
 */
export async function reconcile(
  desired: DesiredState,
  deps: ReconcileDeps,
  signal: AbortSignal,
): Promise<Round> {
  const inventory = byUid(await deps.store.inventory())
  const seen = await observe(deps.drivers, inventory, signal)
  const observed = await observeEdits(seen, inventory, deps.store)
  const fingerprints = await deps.fingerprints(secretNames(desired), signal)
  const { credentialKeyOf } = deps
  return judge(desired, { inventory, observed, fingerprints, credentialKeyOf }, deps)
}
