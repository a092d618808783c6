import type { Finding } from './finding.ts'
import type { Located } from './index-resources.ts'
import type { InstanceDocument, ResolvedInstance } from '../model/resource.ts'
import { adminPortOffset } from '../model/launcher-ports.ts'

interface Claimant {
  readonly located: Located<InstanceDocument>
  readonly resolved: ResolvedInstance
}

/**
 * Ports and host names that two instances claim. Every claimant is at fault, since nobody can tell whose it is; a
 * declared port takes the one 1000 above it too.
 */
export function exclusiveClaims(claimants: readonly Claimant[]): ReadonlyMap<string, readonly Finding[]> {
  const ports = new Map<number, Claimant[]>()
  const hosts = new Map<string, Claimant[]>()
  for (const claimant of claimants) {
    const { port, hostnames } = claimant.resolved
    if (port !== undefined) for (const taken of [port, port + adminPortOffset]) add(ports, taken, claimant)
    for (const host of hostnames) add(hosts, host.toLowerCase(), claimant)
  }
  const findings = new Map<string, Finding[]>()
  for (const [port, group] of ports)
    for (const [claimant, other] of clashes(group))
      if (!findings.has(claimant.resolved.name))
        add(findings, claimant.resolved.name, portClash(claimant, other, port))
  for (const [host, group] of hosts)
    for (const [claimant, other] of clashes(group))
      add(findings, claimant.resolved.name, hostClash(claimant, other, host))
  return findings
}

function clashes(group: readonly Claimant[]): readonly (readonly [Claimant, Claimant])[] {
  if (group.length < 2) return []
  return group.flatMap((claimant) => {
    const other = group.find(({ resolved }) => resolved.name !== claimant.resolved.name)
    return other === undefined ? [] : [[claimant, other] as const]
  })
}

function portClash({ located, resolved }: Claimant, other: Claimant, port: number): Finding {
  const what = port === resolved.port ? `port ${port}` : `port ${port}, that of its launcher,`
  return {
    code: 'duplicate-port',
    severity: 'error',
    file: located.file,
    document: located.document,
    path: ['spec', 'port'],
    message: `${what} is claimed by "${other.resolved.name}" in ${other.located.file} too`,
    remedy: 'choose another port, or leave it out to have one allocated',
  }
}

function hostClash({ located }: Claimant, other: Claimant, host: string): Finding {
  const { hostname, hostnames = [] } = located.resource.spec
  const position = hostnames.findIndex((each) => each.toLowerCase() === host)
  const own = hostname?.toLowerCase() === host || position < 0
  return {
    code: 'duplicate-hostname',
    severity: 'error',
    file: located.file,
    document: located.document,
    path: own ? ['spec', 'hostname'] : ['spec', 'hostnames', position],
    message: `host name ${host} is claimed by "${other.resolved.name}" in ${other.located.file} too`,
    remedy: 'choose another host name',
  }
}

function add<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}
