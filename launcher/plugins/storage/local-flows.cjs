'use strict'
// The flows as they lie on this machine: the last good copy, and the flows.json that the launcher looks at.

const { createHash } = require('node:crypto')
const { readFile, rm } = require('node:fs/promises')
const { join } = require('node:path')
const { isObject, readJson, writePrivate } = require('./private-files.cjs')

/**
 * @typedef {{
 *   revision: string | undefined,
 *   nodes: unknown[],
 *   credentials: Record<string, unknown>,
 *   by?: string | undefined,
 * }} Flows `revision`: what stands in the store; undefined: there are none. `by`: who deployed them, where that is known.
 */

/**
 * The name of a content, as the reconciler computes it: a deploy that waits on the disk knows by it what it will have
 * started from when the one before it has arrived.
 * @param {unknown[]} nodes
 * @param {Record<string, unknown>} credentials
 */
function revisionOf(nodes, credentials) {
  return createHash('sha256')
    .update(`${JSON.stringify(nodes)}\n${JSON.stringify(credentials)}`)
    .digest('hex')
}

/** @param {{ folder: string, user: string }} places the plugin's folder, and Node-RED's */
function createLocalFlows({ folder, user }) {
  const copy = join(folder, 'flows.json')
  const mirror = join(user, 'flows.json')
  const marker = join(folder, 'credentials-edited')
  let written = ''

  /**
   * @param {unknown} found
   * @returns {Flows | undefined}
   */
  function copied(found) {
    if (!isObject(found) || !Array.isArray(found['nodes']) || !isObject(found['credentials']))
      return undefined
    const revision = typeof found['revision'] === 'string' ? found['revision'] : undefined
    const by = typeof found['by'] === 'string' ? found['by'] : undefined
    return { revision, nodes: found['nodes'], credentials: found['credentials'], by }
  }

  return {
    /**
     * The last good copy; where there never was one, what Node-RED's own storage left here before there was this one.
     * @returns {Promise<Flows | undefined>}
     */
    async last() {
      const found = await readJson(copy)
      // What is beside it knows of credentials less than a copy that is damaged did.
      if (found !== undefined) return copied(found)
      const nodes = await readJson(mirror)
      const credentials = await readJson(join(user, 'flows_cred.json'))
      if (!Array.isArray(nodes) && !isObject(credentials)) return undefined
      return {
        revision: undefined,
        nodes: Array.isArray(nodes) ? nodes : [],
        credentials: isObject(credentials) ? credentials : {},
      }
    },

    /**
     * The flows that the launcher put in force.
     * @returns {Promise<unknown[] | undefined>}
     */
    async declared() {
      const nodes = await readJson(mirror)
      return Array.isArray(nodes) ? nodes : undefined
    },

    /**
     * Keeps a copy: flows and credentials in one file, so that they cannot come apart.
     * @param {Flows} flows
     */
    async keep({ revision, nodes, credentials, by }) {
      const name = revision ?? ''
      if (name !== '' && name === written) return
      await writePrivate(copy, JSON.stringify({ revision, nodes, credentials, by }), { durable: true })
      written = name
    },

    /**
     * Tells the launcher whether credentials are still those that Git declares.
     * @param {boolean} edited
     */
    async markCredentials(edited) {
      if (edited) await writePrivate(marker, '', { durable: false })
      else await rm(marker, { force: true })
    },

    /**
     * Shows the launcher what runs. The launcher writes there too, what Git declares: see `declared`.
     * @param {unknown[]} nodes
     */
    async show(nodes) {
      const text = JSON.stringify(nodes)
      const there = await readFile(mirror, 'utf8').catch(() => '')
      if (there !== text) await writePrivate(mirror, text, { durable: false })
    },
  }
}

module.exports = { createLocalFlows, revisionOf }
