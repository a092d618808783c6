import { EventEmitter } from 'node:events'
import type { Fields } from '../../model/fields.ts'

/** An instance as the engine in memory holds it. */
export interface MemoryObject {
  readonly fleet: string
  readonly uid: string
  name: string
  /** What it shows while it lives. */
  fields: Fields
  alive: boolean
  /** It lives but does not answer. */
  hung: boolean
  /** What it has written: survives everything but its removal. */
  readonly data: Map<string, string>
}

/** An engine in memory. It outlives the drivers that use it, and tests reach into it as an operator would. */
export interface MemoryWorld {
  readonly objects: Map<string, MemoryObject>
  /** Emits `changed` with the uid of an object whose process ended. */
  readonly events: EventEmitter<{ changed: [string] }>
  /** Ends its process from outside. */
  kill(uid: string): void
  /** Removes it from outside, with its data. */
  destroy(uid: string): void
  hang(uid: string, hung: boolean): void
}

export function createMemoryWorld(): MemoryWorld {
  const objects = new Map<string, MemoryObject>()
  const events = new EventEmitter<{ changed: [string] }>()
  events.setMaxListeners(0)
  return {
    objects,
    events,
    kill(uid) {
      const object = objects.get(uid)
      if (object === undefined) return
      object.alive = false
      events.emit('changed', uid)
    },
    destroy(uid) {
      if (objects.delete(uid)) events.emit('changed', uid)
    },
    hang(uid, hung) {
      const object = objects.get(uid)
      if (object !== undefined) object.hung = hung
    },
  }
}
