import type { Role } from './resource.ts'

/**
 * What a person may learn about a team's instances. `see`: that they exist, how they are, where to reach them;
 * `inspect`: how they are declared, what differs, what was done, what they log.
 */
export type Right = 'none' | 'see' | 'inspect'

/** Who reads the status, and what Git lets them see. */
export interface Viewer {
  readonly user: string
  readonly admin: boolean
  /** By team. */
  readonly roles: ReadonlyMap<string, Role>
  right(team: string | undefined): Right
}
