import { isIPv6 } from 'node:net'

/**
 * What is counted as one place of origin: an IPv4 address, or the /64 network of an IPv6 address, which a single machine
 * has all of (RFC 4291, section 2.5.1; RFC 6177). An IPv4-mapped address (RFC 4291, section 2.5.5.2) is the IPv4 address.
 * What is no address stays as it is. Pure.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%', 1)
  if (!isIPv6(plain)) return address
  // The host of a URL has one spelling: lower case, no leading zeros, no dots (URL Standard, IPv6 serializer).
  const [head = [], tail] = new URL(`http://[${plain}]`).hostname
    .slice(1, -1)
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = Array.from({ length: 8 - head.length - (tail?.length ?? 0) }, () => '0')
  const groups = [...head, ...zeros, ...(tail ?? [])]
  return isMapped(groups) ? dotted(groups.slice(6)) : `${groups.slice(0, 4).join(':')}::/64`
}

function isMapped(groups: readonly string[]): boolean {
  return groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff'
}

function dotted(groups: readonly string[]): string {
  const numbers = groups.map((group) => Number.parseInt(group, 16))
  return numbers.flatMap((number) => [number >> 8, number & 255]).join('.')
}
