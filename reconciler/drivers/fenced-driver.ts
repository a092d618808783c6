import type { Term } from '../model/lease.ts'
import type { Driver } from './driver.ts'

/**
 * A driver that changes something only while the term lasts: the clock is asked before each call, and what is under way is
 * aborted at the end. Looking is free.
 */
export function fencedDriver(driver: Driver, term: Term): Driver {
  const within = (signal: AbortSignal): AbortSignal => {
    term.check()
    return AbortSignal.any([signal, term.signal])
  }
  return {
    ...driver,
    create: async (instance, credentials, signal) => driver.create(instance, credentials, within(signal)),
    update: async (before, instance, credentials, signal) =>
      driver.update(before, instance, credentials, within(signal)),
    remove: async (uid, signal) => driver.remove(uid, within(signal)),
    withdraw: async (uid, signal) => driver.withdraw(uid, within(signal)),
  }
}
