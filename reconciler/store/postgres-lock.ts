import { hostname } from 'node:os'
import type { Knex } from 'knex'
import { describeTarget, type PostgresTarget } from '../model/store-url.ts'
import { explainPostgres, unreachable } from './postgres-errors.ts'
import { holderTable, takeLock, type LockSession } from './postgres-session.ts'
import type { Row } from './rows.ts'
import { StoreError } from './store.ts'

export interface LockDeps {
  readonly clock: { now(): Date; sleep(ms: number, signal: AbortSignal): Promise<void> }
  /** Makes the name of this holding. */
  readonly newToken: () => string
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
  /** Called when it was lost, and when it is held again. */
  readonly onChange?: () => void
}

/** A process that was killed a moment ago may have a session yet. Milliseconds. */
const grace = { tries: 10, every: 200 }
/** Between two attempts to take it again, doubling. Milliseconds. */
const retry = { first: 250, longest: 5_000 }

/** Makes this process the one writer of the store. @throws StoreError `store-locked`; other errors are those of the driver. */
export async function lockPostgres(target: PostgresTarget, deps: LockDeps): Promise<PostgresLock> {
  const { signal } = new AbortController()
  for (let tries = 1; ; tries++)
    try {
      return new PostgresLock(target, deps, await takeLock(target))
    } catch (error) {
      if (tries === grace.tries || !(error instanceof StoreError)) throw error
      await deps.clock.sleep(grace.every, signal)
    }
}

/**
 * The lock of a store, taken again whenever its connection is lost.
 *
 * A process may learn late of that. So each holder writes a name of its own into the one row of a table, and whatever is written
 * locks that row first and must find the name there: another process that took the lock meanwhile shuts this one out for good,
 * since what it knows of the store may be old.
 */
export class PostgresLock implements AsyncDisposable {
  readonly #target: PostgresTarget
  readonly #deps: LockDeps
  readonly #token: string
  readonly #ending = new AbortController()
  #session: LockSession
  /** Why nothing may be written now. */
  #lost: StoreError | undefined
  #kept: Promise<void> = Promise.resolve()

  constructor(target: PostgresTarget, deps: LockDeps, session: LockSession) {
    this.#target = target
    this.#deps = deps
    this.#token = deps.newToken()
    this.#session = session
  }

  /** Enters this process as the holder: from now on nobody who held it before can write. Then keeps the lock. */
  async enter(db: Knex): Promise<void> {
    const { clock } = this.#deps
    const holder = {
      pid: process.pid,
      host: hostname(),
      since: clock.now().toISOString(),
      token: this.#token,
    }
    await db.transaction(async (trx) => {
      if (!(await trx.schema.hasTable(holderTable)))
        await trx.schema.createTable(holderTable, (table) => {
          table.integer('id').primary()
          table.integer('pid').notNullable()
          for (const column of ['host', 'since', 'token']) table.text(column).notNullable()
        })
      await trx(holderTable)
        .insert({ id: 1, ...holder })
        .onConflict('id')
        .merge()
    })
    this.#kept = this.#keep(db)
  }

  /** Waits until no other transaction writes. @throws StoreError where the store is not ours to write. */
  async turn(trx: Knex.Transaction): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    if (!(await this.#isOurs(trx, true))) throw this.#takenOver()
  }

  /** Why nothing can be written at the moment. */
  get trouble(): StoreError | undefined {
    return this.#lost
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#session.close()
    await this.#kept
  }

  async #keep(db: Knex): Promise<void> {
    const { log, onChange } = this.#deps
    const { signal } = this.#ending
    for (;;) {
      const reason = await this.#session.ended
      if (signal.aborted) return
      this.#lost = unreachable(
        describeTarget(this.#target),
        `the connection that holds its lock broke off (${reason})`,
        'It is taken again as soon as the server can be reached.',
      )
      log.warn({ code: this.#lost.code, reason }, 'the lock of the store was lost')
      onChange?.()
      if (!(await this.#retake(db))) return
      this.#lost = undefined
      log.info({}, 'the lock of the store is held again')
      onChange?.()
    }
  }

  /** Whether it could be had again: not where this process ends, nor where another one had it meanwhile. */
  async #retake(db: Knex): Promise<boolean> {
    const { clock, log } = this.#deps
    for (let delay = retry.first; ; delay = Math.min(retry.longest, delay * 2)) {
      if (!(await rested(clock.sleep(delay, this.#ending.signal)))) return false
      try {
        this.#session = await takeLock(this.#target)
        if (await this.#isOurs(db, false)) return true
        this.#lost = this.#takenOver()
        log.warn({ code: this.#lost.code, remedy: this.#lost.remedy }, this.#lost.message)
        await this.#session.close()
        return false
      } catch (error) {
        const told = explainPostgres(this.#target, error)
        if (!(told instanceof StoreError)) throw error
        if (told.code !== this.#lost?.code) log.warn({ code: told.code, remedy: told.remedy }, told.message)
        this.#lost = told
      }
    }
  }

  async #isOurs(db: Knex, locking: boolean): Promise<boolean> {
    const query = db(holderTable).where({ id: 1 })
    const row: Row | undefined = await (locking ? query.forUpdate() : query).first('token')
    return row?.['token'] === this.#token
  }

  #takenOver(): StoreError {
    return new StoreError(
      'store-locked',
      `The store ${describeTarget(this.#target)} was taken over by another reconciler while this one had lost its lock.`,
      'Stop one of the two. This one does nothing more until it is started again.',
    )
  }
}

/** Whether the time passed; false where it was cut short. */
async function rested(sleep: Promise<void>): Promise<boolean> {
  return sleep.then(
    () => true,
    () => false,
  )
}
