import { inspect } from 'node:util'

const shown = '[secret]'

/**
 * A value that cannot be printed: turning it into text or JSON, or inspecting it, gives `[secret]`.
 * `reveal` is the only way to the value, so that every place that uses one can be found by name.
 */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspect.custom](): string {
    return shown
  }
}
