'use strict'
// Sign-in to the editor, as a strategy of the passport that Node-RED brings.

const { redirect, showPage } = require('./pages.cjs')

/**
 * @typedef {import('./sign-in.cjs').Request} Request
 * @typedef {ReturnType<typeof import('./sign-in.cjs').createSignIn>} SignIn
 * @typedef {(told: import('../audit/events.cjs').Told) => void} Tell
 * @typedef {(profile: { username: string }, done: (error: unknown, user?: object | false | null) => void) => void} Verify
 */

const again = /** @type {const} */ (['auth/strategy?again', 'Sign in as somebody else'])
/** From the pages of a callback: the paths of links start at the editor. */
const links = (/** @type {readonly (readonly [string, string])[]} */ list) =>
  list.map(([href, label]) => /** @type {const} */ ([`/${href}`, label]))

const pages = {
  unavailable: {
    status: 503,
    title: 'Nobody can sign in right now',
    text: 'The place where people sign in does not answer. Whoever is signed in already works on.',
    links: links([['auth/strategy', 'Retry']]),
  },
  'not-begun': {
    status: 400,
    title: 'This sign-in cannot be finished',
    text: 'It was begun in another browser or at another address, or took too long, or this browser keeps no cookies.',
    links: links([['auth/strategy', 'Sign in again']]),
  },
  failed: {
    status: 400,
    title: 'This sign-in did not succeed',
    text: 'What came back from the place where people sign in was not valid, or was used before.',
    links: links([['auth/strategy', 'Sign in again']]),
  },
  refused: {
    status: 403,
    title: 'This editor is not open to you',
    text: 'Only people whom the team of this instance names may open it.',
    links: links([again, ['', 'Try again']]),
  },
}

/** Passport makes an object of its own from a strategy for each request, and gives it these in place of the ones here. */
class Strategy {
  /** @param {object} _user */
  success(_user) {
    throw new Error('passport was not asked')
  }
  /** @param {unknown} error */
  error(error) {
    throw error
  }
}

/**
 * `success` and `error` are passport's.
 * @param {SignIn | undefined} signIn Undefined where there is no provider.
 * @param {{ nameFor(username: string, proof: string | undefined): string }} users
 * @param {Tell} tell Sign-ins that came to nothing: those that did not are told by Node-RED.
 */
function createStrategy(signIn, users, tell) {
  return class WeirStrategy extends Strategy {
    name = 'weir'
    /**
     * @param {object} _options
     * @param {Verify} verify Node-RED's: looks the person up among the users, and makes the session.
     */
    constructor(_options, verify) {
      super()
      this.verify = verify
    }

    /** @param {Request} request */
    authenticate(request) {
      const work = request.path.endsWith('/callback') ? this.finish(request) : this.begin(request)
      work.catch((error) => this.error(error))
    }

    /** @param {Request} request */
    async begin(request) {
      const asked = new URL(request.originalUrl ?? '/', 'http://here').searchParams
      const location = await signIn?.begin(request, request.res, {
        kind: 'editor',
        again: asked.has('again'),
      })
      if (location === undefined) return showPage(request.res, pages.unavailable)
      return redirect(request.res, location)
    }

    /** @param {Request} request */
    async finish(request) {
      const outcome = (await signIn?.finish(request, request.res, 'editor')) ?? { kind: 'unavailable' }
      if (outcome.kind !== 'signed-in') {
        // what anybody can ask for without having begun is no news
        if (outcome.kind === 'refused' || outcome.kind === 'failed')
          tell({ event: 'sign-in-refused', target: `editor: ${outcome.kind}` })
        return showPage(request.res, pages[outcome.kind])
      }
      const username = users.nameFor(outcome.username, outcome.proof)
      return this.verify({ username }, (error, user) => {
        if (error) return this.error(error)
        if (user) return this.success(user)
        return showPage(request.res, pages.refused)
      })
    }
  }
}

module.exports = { createStrategy }
