import type { LauncherState } from '../../../launcher/wire.ts'
import type { Fields } from '../../model/fields.ts'
import type { PlacedInstance } from '../../model/placed-instance.ts'
import { expectedFacts, observedFacts, type Declares } from '../launcher/facts.ts'

/** What is seen of an instance beside what its launcher tells. */
export interface Seen {
  readonly declares: Declares
  readonly launchers: number
  /** Whether what it runs on still lies where it was installed. */
  readonly stackFiles: 'intact' | 'missing'
}

/** What `observe` shows of an instance when all is well. Pure. */
export function expectedFields(instance: PlacedInstance): Fields {
  const facts = { ...expectedFacts(instance), directory: 'intact' }
  return instance.spec.state === 'stopped' ? facts : { ...facts, launchers: 1, 'stack.files': 'intact' }
}

/** The same facts, as its launcher tells them and this machine shows them. */
export function observedFields(state: LauncherState, { declares, launchers, stackFiles }: Seen): Fields {
  const facts = { ...observedFacts(state, declares), directory: 'intact' }
  return state.phase === 'stopped' ? facts : { ...facts, launchers, 'stack.files': stackFiles }
}
