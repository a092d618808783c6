import { printPreview, type PlanOutput } from './print-plan.ts'
import { fetchState } from './status-client.ts'
import type { Terminal } from './terminal.ts'
import { composeLoader, composePreview, composeSource } from '../compose.ts'
import type { Surroundings } from '../compose-drivers.ts'
import type { Config } from '../config.ts'
import { judge } from '../control/judge.ts'
import { readDesired, reconcile } from '../control/reconcile.ts'
import { dockerEffects } from '../drivers/docker/effects.ts'
import { localfsEffects } from '../drivers/localfs/effects.ts'
import type { Diagnostic } from '../model/diagnostic.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { DriverTraits, Problem } from '../model/plan.ts'
import { unremembered } from '../plan/doubtful-access.ts'
import type { DriverName } from '../model/resource.ts'
import type { DeletionPolicy } from '../plan/gates.ts'
import type { Secret } from '../model/secret.ts'

export interface PreviewRequest {
  readonly config: Config
  readonly policy: DeletionPolicy
  readonly surroundings: Surroundings
  readonly terminal: Terminal
  readonly output: PlanOutput
}

/** Prints what an apply would do, and does nothing. Returns the exit code: 0 nothing, 2 changes, 1 not to be told. */
export async function preview(request: PreviewRequest): Promise<number> {
  const { config, policy, surroundings } = request
  await using deps = await composePreview(config, policy, surroundings)
  const desired = await readDesired(deps, surroundings.signal)
  const round = await reconcile(desired, { ...deps, lenient: true }, surroundings.signal)
  return printPreview(
    withWarnings(round.desired, round.missing, round.plan),
    request.output,
    request.terminal,
  )
}

/** The same against what a running reconciler knows: needs a read token of an admin, and no driver. */
export async function previewAgainst(
  request: PreviewRequest,
  against: { readonly url: string; readonly token: Secret },
): Promise<number> {
  const { config, policy, surroundings } = request
  await using source = await composeSource(config, surroundings)
  const loader = composeLoader(config)
  const snapshot = await source.snapshot(surroundings.signal)
  const desired = await loader.load(snapshot, surroundings.signal)
  const state = await fetchState(against, surroundings.signal)
  const { missing, plan } = judge(
    desired,
    { ...state, fingerprints: state.secretFingerprints },
    // Configured as it is there: what another configuration would change is not known here.
    { policy, lenient: true, drivers: effectsAlone },
  )
  return printPreview(withWarnings(desired, missing, plan), request.output, request.terminal)
}

/** A missing secret holds an instance in an apply; in a preview, which may run elsewhere, it is only told. So is what only a running reconciler knows. */
function withWarnings(
  desired: DesiredState,
  missing: ReadonlyMap<string, Problem>,
  plan: Parameters<typeof printPreview>[0]['plan'],
): Parameters<typeof printPreview>[0] {
  const warnings = [...missing.values()].map(({ code, message, target }): Diagnostic => ({
    severity: 'warning',
    message: `${message}; an apply would hold it back`,
    ...(code === 'missing-secret'
      ? { code, remedy: 'add the file to the folder that `secrets` of the configuration names' }
      : { code: 'undecryptable-credentials' }),
    ...(target === undefined ? {} : { instance: target }),
  }))
  const problems = [...plan.problems, ...unremembered(desired)]
  return {
    plan: { ...plan, problems, complete: plan.complete && problems.length === 0 },
    desired: { ...desired, diagnostics: [...desired.diagnostics, ...warnings] },
  }
}

/** Every driver with what a plan needs of it where none is at hand. */
const effectsAlone: ReadonlyMap<DriverName, DriverTraits> = new Map([
  ['localfs', { effects: localfsEffects, configured: {} }],
  ['docker', { effects: dockerEffects, configured: {} }],
])
