import { type LauncherSample, sampleFields } from './wire.ts'

/** An hour of one every 10 s. */
const kept = 360
const width = sampleFields.length + 1

/** The samples of the last hour, in memory of a fixed size that is taken with the first of them. */
export class Samples {
  readonly #capacity: number
  #numbers: Float64Array | undefined
  #count = 0

  constructor(capacity = kept) {
    this.#capacity = capacity
  }

  add(sample: LauncherSample): void {
    this.#numbers ??= new Float64Array(this.#capacity * width)
    const start = (this.#count % this.#capacity) * width
    this.#numbers[start] = Date.parse(sample.at)
    sampleFields.forEach((field, index) =>
      this.#numbers?.fill(sample[field], start + index + 1, start + index + 2),
    )
    this.#count += 1
  }

  /** Those after a moment (milliseconds since the epoch), oldest first. */
  since(moment: number): readonly LauncherSample[] {
    const found: LauncherSample[] = []
    for (let nth = Math.max(0, this.#count - this.#capacity); nth < this.#count; nth += 1) {
      const start = (nth % this.#capacity) * width
      const [at = 0, ...numbers] = this.#numbers?.subarray(start, start + width) ?? []
      if (at > moment) found.push(sampleOf(at, numbers))
    }
    return found
  }
}

/** A sample from its moment (milliseconds since the epoch) and its numbers in the order of `sampleFields`. */
export function sampleOf(at: number, numbers: readonly number[]): LauncherSample {
  const number = (index: number) => numbers[index] ?? 0
  return {
    at: new Date(at).toISOString(),
    cpu: number(0),
    memory: number(1),
    loopDelayMean: number(2),
    loopDelayP99: number(3),
    sent: number(4),
    received: number(5),
  }
}
