'use strict'
// Deploys, told when they are done: by whom and in which way says Node-RED's log, what came of it the storage plugin.

const { userOf } = require('./events.cjs')

/**
 * @typedef {import('./events.cjs').Message} Message
 * @typedef {import('./events.cjs').Told} Told
 */

/** @param {(told: Told) => void} record */
function createDeploys(record) {
  /** Announced by Node-RED's log, which speaks before it is done. @type {Message | undefined} */
  let announced

  /**
   * @template T
   * @param {() => Promise<T>} change
   * @param {() => string | undefined} revision of the flows that run
   * @param {(before: string | undefined) => Told | undefined} telling
   */
  async function between(change, revision, telling) {
    const before = revision()
    const result = await change()
    const told = telling(before)
    const after = revision()
    if (told !== undefined)
      record({
        ...told,
        ...(before === undefined ? {} : { flowsBefore: before }),
        ...(after === undefined ? {} : { flowsAfter: after }),
      })
    return result
  }

  function announcement() {
    const message = announced
    announced = undefined
    return message
  }

  return {
    /** @param {Message} message */
    hear(message) {
      // Without a request it is no person's doing.
      if (message.event === 'flows.set') announced = message.path === undefined ? undefined : message
      // It came to nothing.
      if (message.event === 'api.error' && announced?.user === message.user) announced = undefined
    },

    /**
     * @template T
     * @param {() => Promise<T>} save
     * @param {{ revision: () => string | undefined, user: string | undefined }} parts
     */
    saving(save, { revision, user }) {
      const type = announcement()?.['type']
      return between(save, revision, () => ({
        event: 'deploy',
        user,
        target: typeof type === 'string' ? type : 'flow',
      }))
    },

    /**
     * @template T
     * @param {() => Promise<T>} load
     * @param {() => string | undefined} revision
     */
    loading(load, revision) {
      const message = announced?.['type'] === 'reload' ? announcement() : undefined
      return between(load, revision, () =>
        message === undefined ? undefined : { event: 'deploy', user: userOf(message), target: 'reload' },
      )
    },

    /**
     * One that waited for the reconciler, which did not take it.
     * @param {{ by: string | undefined, base: string | undefined, revision: string }} deploy
     * @param {string} why
     */
    undelivered({ by, base, revision }, why) {
      record({
        event: 'deploy-refused',
        user: by,
        target: why,
        ...(base === undefined ? {} : { flowsBefore: base }),
        flowsAfter: revision,
      })
    },
  }
}

module.exports = { createDeploys }
