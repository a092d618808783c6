'use strict'

/**
 * The object without its undefined properties: Node-RED takes a property that is there for one that was set.
 * @param {Record<string, unknown>} object
 * @returns {Record<string, unknown>}
 */
function defined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

module.exports = { defined }
