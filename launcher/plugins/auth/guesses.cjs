'use strict'
// How often somebody may be wrong. Kept in memory and bounded: whoever guesses cannot fill it.

const { isIPv6 } = require('node:net')

/**
 * @typedef {{ socket: { remoteAddress?: string | undefined } }} Arrived
 * @typedef {{ address: string, account?: string }} Attempt
 */

const mostKept = 5000
/** No user has a name longer than a DNS label; longer ones are counted as one. */
const longestName = 63

/**
 * Where a request comes from, as far as limits are concerned: one who has an IPv6 network has all of its /64
 * (RFC 6177). It is the address of the socket: an instance knows of no proxy whose word it could take.
 * @param {Arrived} request
 */
function addressOf({ socket }) {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!isIPv6(address)) return address
  const [before = '', after] = address.split('::')
  const groups = (/** @type {string} */ part) => part.split(':').filter((group) => group !== '')
  const [first, last] = [groups(before), groups(after ?? '')]
  // A dotted end stands for two groups.
  const length = first.length + last.length + (address.includes('.') ? 1 : 0)
  const all = [...first, ...Array.from({ length: 8 - length }, () => '0'), ...last]
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(':')}::/64`
}

/**
 * Counts by key, each in a window that begins with the first of it. Where there are too many keys, the window that
 * began first makes room.
 * @param {{ now: () => number, windowMs: number }} parts
 */
function createCounts({ now, windowMs }) {
  /** @type {Map<string, { count: number, ends: number }>} */
  const kept = new Map()
  /** @param {string} key */
  function current(key) {
    const known = kept.get(key)
    return known !== undefined && now() < known.ends ? known : undefined
  }
  return {
    /**
     * Seconds until there is room for one more; 0 where there is.
     * @param {string} key
     * @param {number} most
     */
    wait(key, most) {
      const known = current(key)
      return known === undefined || known.count < most ? 0 : Math.ceil((known.ends - now()) / 1000)
    },
    /** @param {string} key */
    add(key) {
      const { count, ends } = current(key) ?? { count: 0, ends: now() + windowMs }
      if (count === 0) kept.delete(key)
      kept.set(key, { count: count + 1, ends })
      if (kept.size > mostKept) kept.delete(kept.keys().next().value ?? '')
    },
    /** @param {string} key */
    takeBack(key) {
      const known = current(key)
      if (known !== undefined && known.count > 0) known.count -= 1
    },
  }
}

/**
 * Limits failed attempts: narrowly for one account from one address, so that whoever guesses there shuts out nobody
 * else, and widely for an address, which a proxy or a plant may share.
 * @param {{ now: () => number, narrowly: number, widely: number, windowMs: number }} limits
 */
function createGuessLimit({ now, narrowly, widely, windowMs }) {
  const accounts = createCounts({ now, windowMs })
  const addresses = createCounts({ now, windowMs })
  /** @param {Attempt} attempt */
  const nameOf = ({ account = '', address }) =>
    JSON.stringify([address, account.length > longestName ? '' : account])
  return {
    /**
     * Enters an attempt as failed before it is checked, so that many at once count as many. Gives how many seconds to
     * wait where there were too many, which enters nothing; 0: go ahead.
     * @param {Attempt} attempt
     */
    begin(attempt) {
      const { account, address } = attempt
      const narrow = account === undefined ? 0 : accounts.wait(nameOf(attempt), narrowly)
      const wait = Math.max(narrow, addresses.wait(address, widely))
      if (wait > 0) return wait
      addresses.add(address)
      if (account !== undefined) accounts.add(nameOf(attempt))
      return 0
    },
    /**
     * It was right, or could not be checked: it does not count.
     * @param {Attempt} attempt
     */
    takeBack(attempt) {
      addresses.takeBack(attempt.address)
      if (attempt.account !== undefined) accounts.takeBack(nameOf(attempt))
    },
  }
}

module.exports = { addressOf, createGuessLimit }
