import type { Fields } from './fields.ts'
import type { Plan as PlanDocument } from './generated/plan.ts'

export type Plan = PlanDocument
export type Action = Plan['actions'][number]
export type ActionKind = Action['kind']
export type ActionReason = Action['reason']
export type Effect = Action['effect']
export type EditedFlows = NonNullable<Action['edited']>
export type Change = Action['changes'][number]
export type AccessChange = Plan['access'][number]
export type Refusal = Plan['refusals'][number]
export type Problem = Plan['problems'][number]
export type Summary = Plan['summary']

/** How a driver brings a change of a field about. The longest matching path decides; `''` matches every field. */
export interface EffectRule {
  readonly path: string
  readonly kind: 'update' | 'restart' | 'replace'
}

/** What a plan knows of a driver. */
export interface DriverTraits {
  readonly effects: readonly EffectRule[]
  /** What its configuration gives every instance that runs, by the path that a plan shows it as. */
  readonly configured: Fields
}
