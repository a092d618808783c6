'use strict'

/** So many networks, each with the member that somebody there says to be, are named within a minute. */
const most = 50
const windowMs = 60_000

/**
 * Whether a refusal is told with the network that it came from. Whoever has many networks would else make as many entries
 * of the trail as they like, each of them different: past the first ones refusals are told alike again.
 * @param {() => number} now
 */
function createNamedNetworks(now) {
  /** @type {Set<string>} */
  let known = new Set()
  let ends = 0
  /**
   * @param {string} network
   * @param {string | undefined} member
   */
  return (network, member) => {
    if (now() >= ends) [known, ends] = [new Set(), now() + windowMs]
    const key = JSON.stringify([network, member])
    if (known.size < most) known.add(key)
    return known.has(key)
  }
}

module.exports = { createNamedNetworks }
