import { reachableUrl } from './reachable.ts'

/** Where the instances of a driver stand: what their settings say of it, and how browsers and they themselves find the way. */
export interface Seat {
  /** The address that Node-RED listens on. */
  readonly host: string
  /** The port of every instance, where each has an address of its own. Absent: each has a port of its own. */
  readonly port?: number
  readonly allowInstallScripts: boolean
  /** Where instances reach the doors, without a slash at its end. */
  readonly runtimeUrl: string
  /** How browsers reach host names. Absent: by https, at its usual port. */
  readonly routing?: Routing
}

/** What stands in front of instances that have host names. */
export interface Routing {
  readonly scheme: 'http' | 'https'
  /** Absent: the usual one of the scheme. */
  readonly port?: number
}

/** The URL of an editor at its own port, with a slash at its end. Undefined: it is reached by its host names alone. */
export function editorUrlAt(seat: Seat | undefined, port: number | undefined): string | undefined {
  if (seat === undefined || seat.port !== undefined || port === undefined) return undefined
  return `${reachableUrl(seat.host, port)}/`
}
