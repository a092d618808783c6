'use strict'
// Flows and credentials: read at a start and a reload, saved together at a deploy.

const { createCatchUp } = require('./catch-up.cjs')
const { createTurns } = require('./delivery.cjs')
const { DeployDelivery, sendDeploy } = require('./deploy-delivery.cjs')
const { reasonOf } = require('./door.cjs')
const { revisionOf } = require('./local-flows.cjs')
const { isObject } = require('./private-files.cjs')

/**
 * @typedef {import('./local-flows.cjs').Flows} Flows
 * @typedef {import('./deploy-spool.cjs').Deploy} Deploy
 * @typedef {Record<string, unknown>} Credentials
 * @typedef {import('./deploy-delivery.cjs').Parts & {
 *   local: ReturnType<typeof import('./local-flows.cjs').createLocalFlows>,
 *   declared: boolean,
 *   declaredCredentials: Credentials | undefined,
 *   keys: ReturnType<typeof import('./credential-keys.cjs').createCredentialKeys>,
 *   loadNow: () => Promise<void>,
 *   newId: () => string,
 * }} Parts `declared`: Git declares the flows, and the launcher has put them on the disk. `loadNow`: as `reload`, from within
 * a deploy, behind which that would wait.
 */

/** @type {Flows} */
const nothing = { revision: undefined, nodes: [], credentials: {} }

class FlowKeeper {
  #parts
  #delivery
  #catchUp
  /** Reads and deploys stand in line; what waits on the disk is delivered beside them. */
  #inTurn = createTurns()
  /** What runs, and the revision that the next deploy starts from. */
  #current = nothing
  /** Credentials that Node-RED has handed over and whose flows are still to come. @type {Credentials | undefined} */
  #held
  #opened = false

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts
    this.#delivery = new DeployDelivery(parts)
    this.#catchUp = createCatchUp({
      ...parts,
      waits: () => parts.spool.size() > 0,
      revision: () => this.#current.revision,
    })
  }

  /** Of what runs; undefined: there are no flows. */
  get revision() {
    return this.#current.revision
  }

  /** @returns {Promise<unknown[]>} */
  getFlows() {
    return this.#inTurn(() => this.#load())
  }

  /** Those that belong to the flows of the last `getFlows`. Node-RED works on the object it gets. */
  getCredentials() {
    return structuredClone(this.#current.credentials)
  }

  /**
   * Kept until their flows come: Node-RED saves credentials first, and they must not be saved alone.
   * @param {Credentials} credentials
   */
  saveCredentials(credentials) {
    this.#held = credentials
  }

  /**
   * @param {unknown[]} nodes
   * @param {string | undefined} by
   * @returns {Promise<void>}
   */
  async saveFlows(nodes, by) {
    if ((await this.#inTurn(() => this.#save(nodes, by))) === 'saved') return
    // The editor asks for them as soon as it has its answer: what it then compares with, and starts from, must be what it
    // conflicts with.
    await this.#parts.loadNow().catch(() => setImmediate(() => void this.#parts.reload()))
    throw conflict()
  }

  async #load() {
    const { spool, local, declared } = this.#parts
    const first = !this.#opened
    if (first) await spool.open()
    this.#opened = true
    this.#held = undefined
    if (first && spool.size() > 0) await this.#delivery.beforeLoad()
    this.#current = await this.#found()
    const nodes = (declared ? await local.declared() : undefined) ?? this.#current.nodes
    await this.#putInForce(nodes, first)
    if (first) await this.#tried(local.markCredentials(false))
    if (!declared && this.#current.revision !== undefined) await this.#tried(local.show(this.#current.nodes))
    if (spool.size() > 0) this.#delivery.wake()
    return this.#current.nodes
  }

  /**
   * Makes it what runs, and what the store gets, where what was found is not the same.
   * @param {unknown[]} nodes
   * @param {boolean} first later than at a start, what lies there may be what an editor put over what Git declares
   */
  async #putInForce(nodes, first) {
    const { declared, declaredCredentials } = this.#parts
    const credentials = this.#inForce(nodes, first ? declaredCredentials : undefined)
    const current = this.#current
    const same = JSON.stringify(nodes) === JSON.stringify(current.nodes)
    if (credentials === current.credentials && same) return
    const origin = declared && first ? 'git' : this.#editorsOrigin()
    // Encrypted anew they are still whose they were.
    const by = same && credentials !== declaredCredentials ? current.by : undefined
    await this.#bring(this.#deploy(nodes, credentials, { origin, by }))
  }

  /**
   * What runs is to be in the store, but runs whether or not this machine can keep it until it is there.
   * @param {Deploy} deploy
   */
  async #bring(deploy) {
    try {
      await this.#postpone(deploy)
    } catch (error) {
      this.#parts.warn(`The flows that run cannot be brought to the store: ${reasonOf(error)}`)
      this.#current = { ...deploy, revision: deploy.base }
    }
  }

  /**
   * Copies are for a time without the store: what fails here costs a copy.
   * @param {Promise<unknown>} written
   */
  async #tried(written) {
    await written.catch((error) =>
      this.#parts.warn(`The copy of the flows on this machine cannot be written: ${reasonOf(error)}`),
    )
  }

  /**
   * The credentials to run with, under the key in force. What was kept with an earlier key is encrypted anew here, where
   * every deploy passes, and goes to the store like one: whatever is cut short or deployed meanwhile, both keys are known.
   * @param {unknown[]} nodes
   * @param {Credentials | undefined} declared
   */
  #inForce(nodes, declared) {
    const { keys, warn } = this.#parts
    const { credentials } = this.#current
    if (declared !== undefined && !keys.same(credentials, declared, nodes)) return declared
    const renewed = keys.underKeyInForce(credentials)
    if (renewed === undefined) warn('The credentials are encrypted with a key that is not known here')
    return renewed ?? credentials
  }

  /**
   * What the store holds, or the nearest to it that is to be had.
   * @returns {Promise<Flows>}
   */
  async #found() {
    const { spool, door, local, warn } = this.#parts
    const waiting = await spool.newest()
    if (waiting !== undefined) {
      warn('The flows are those of a deploy that waits on this machine until the reconciler takes it')
      return waiting
    }
    const answer = await door.ask('GET', '/flows')
    const stored = answer.kind === 'answer' ? storedFlows(answer.body) : undefined
    if (stored !== undefined) {
      await this.#tried(local.keep(stored))
      return stored
    }
    const last = await this.#fromThisMachine(answer.kind === 'answer')
    if (answer.kind === 'unreachable') {
      warn(
        last === nothing
          ? `There are no flows on this machine, and ${answer.reason}. Those of the store run when it answers`
          : `The flows are the last ones on this machine: ${answer.reason}`,
      )
      this.#catchUp.owe()
    }
    return last
  }

  /**
   * @param {boolean} storeIsEmpty otherwise nobody knows what it holds
   * @returns {Promise<Flows>}
   */
  async #fromThisMachine(storeIsEmpty) {
    const last = await this.#parts.local.last()
    if (last === undefined) return nothing
    if (last.revision !== undefined && !storeIsEmpty) return last
    // The store never had them: they go there, and never over what may be there after all.
    this.#current = { ...last, revision: undefined }
    await this.#bring(this.#deploy(last.nodes, last.credentials, { origin: 'editor', by: last.by }))
    return this.#current
  }

  /**
   * @param {unknown[]} nodes
   * @param {string | undefined} by
   * @returns {Promise<'saved' | 'stale'>} where it waits on this machine it counts as saved
   */
  async #save(nodes, by) {
    const { door, spool, local } = this.#parts
    const deploy = this.#deploy(nodes, this.#held ?? this.#current.credentials, {
      origin: this.#editorsOrigin(),
      by,
    })
    // Behind those that wait already, so that they arrive in order.
    const sent = spool.size() > 0 ? undefined : await sendDeploy(door, deploy)
    if (sent?.kind === 'stale') return 'stale'
    if (sent?.kind === 'refused') throw refusal(sent.reason)
    if (sent?.kind === 'saved') {
      this.#current = { ...deploy, revision: sent.revision }
      this.#parts.tell('deploy-lost', undefined)
    } else {
      await this.#postpone(deploy)
      this.#sayThatItWaits(sent === undefined ? 'deploys before it still wait' : sent.reason)
    }
    this.#held = undefined
    await this.#tried(local.keep(this.#current))
    await this.#tried(local.show(nodes))
    await this.#tried(this.#compareCredentials(nodes, deploy.credentials))
    return 'saved'
  }

  /** @param {string} why */
  #sayThatItWaits(why) {
    const text = `This deploy runs, but waits on this machine until the reconciler takes it: ${why}`
    this.#parts.warn(text)
    this.#parts.tell('deploy-waits', text)
  }

  #editorsOrigin() {
    return this.#parts.declared ? 'edit' : 'editor'
  }

  /**
   * Tells the launcher whether they are still those that Git declares.
   * @param {unknown[]} nodes
   * @param {Credentials} credentials
   */
  async #compareCredentials(nodes, credentials) {
    const { keys, local, declaredCredentials } = this.#parts
    if (declaredCredentials !== undefined)
      await local.markCredentials(!keys.same(credentials, declaredCredentials, nodes))
  }

  /**
   * @param {unknown[]} nodes
   * @param {Credentials} credentials
   * @param {{ origin: 'editor' | 'git' | 'edit', by?: string | undefined }} more
   * @returns {Deploy}
   */
  #deploy(nodes, credentials, { origin, by }) {
    const base = this.#current.revision
    const revision = revisionOf(nodes, credentials)
    return { base, revision, nodes, credentials, by, at: this.#parts.now(), origin, id: this.#parts.newId() }
  }

  /** @param {Deploy} deploy */
  async #postpone(deploy) {
    await this.#parts.spool.add(deploy)
    this.#current = deploy
    this.#delivery.wake()
  }
}

/** The error that makes the editor show its dialog for conflicts. */
function conflict() {
  const message =
    'The flows in the store have changed since they were loaded. Nothing was deployed, and those of the store run now.'
  return Object.assign(new Error(message), { status: 409, code: 'version_mismatch' })
}

/**
 * @param {unknown} body
 * @returns {Flows | undefined}
 */
function storedFlows(body) {
  if (!isObject(body) || typeof body['revision'] !== 'string') return undefined
  const { revision, nodes, credentials, savedBy } = body
  if (!Array.isArray(nodes) || !isObject(credentials)) return undefined
  return { revision, nodes, credentials, by: typeof savedBy === 'string' ? savedBy : undefined }
}

/** @param {string} reason */
function refusal(reason) {
  const message = `The reconciler does not take this deploy, and nothing was deployed: ${reason}`
  return Object.assign(new Error(message), { status: 400, code: 'deploy_refused' })
}

module.exports = { FlowKeeper }
