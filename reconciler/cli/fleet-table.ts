import { table } from './terminal.ts'
import { reachableUrl } from '../model/reachable.ts'
import { plainText } from '../plan/plain-text.ts'
import type { FleetStatus } from '../status/fleet-status.ts'

/** Instances with how they are and where they are, for a terminal. */
export function fleetTable(status: FleetStatus, host: string): string {
  const entries = new Map([...status.inventory.values()].map((entry) => [entry.name, entry]))
  const rows = [...status.instances.values()]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, phase, message }) => {
      const port = entries.get(name)?.port
      const team = status.desired?.instances.get(name)?.team ?? ''
      const url = phase === 'running' && port !== undefined ? `${reachableUrl(host, port)}/` : ''
      return [name, team, phase, url, message ?? ''].map(plainText)
    })
  return table([['INSTANCE', 'TEAM', 'PHASE', 'EDITOR', ''], ...rows])
}
