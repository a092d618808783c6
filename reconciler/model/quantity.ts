const units = { Mi: 2 ** 20, Gi: 2 ** 30, M: 10 ** 6, G: 10 ** 9 } as const

/** Bytes of a memory quantity such as `512Mi`, in the notation of Kubernetes. */
export function parseMemory(quantity: string): number {
  const match = /^([1-9][0-9]*)(Mi|Gi|M|G)$/.exec(quantity)
  const [, amount, unit] = match ?? []
  if (unit !== 'Mi' && unit !== 'Gi' && unit !== 'M' && unit !== 'G')
    throw new RangeError(`not a memory quantity: ${quantity}`)
  return Number(amount) * units[unit]
}

const sizes = { Ki: 2 ** 10, Mi: 2 ** 20 } as const

/** Bytes of the size of a message such as `5Mi`. */
export function parseSize(quantity: string): number {
  const [, amount, unit] = /^([1-9][0-9]*)(Ki|Mi)$/.exec(quantity) ?? []
  if (unit !== 'Ki' && unit !== 'Mi') throw new RangeError(`not a size: ${quantity}`)
  return Number(amount) * sizes[unit]
}

const durations = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Milliseconds of a duration such as `30s`. */
export function parseDuration(duration: string): number {
  const match = /^([1-9][0-9]*)(ms|s|m|h)$/.exec(duration)
  const [, amount, unit] = match ?? []
  if (unit !== 'ms' && unit !== 's' && unit !== 'm' && unit !== 'h')
    throw new RangeError(`not a duration: ${duration}`)
  return Number(amount) * durations[unit]
}

/** Thousandths of a core of a CPU quantity such as `500m` or `2`. */
export function parseCpu(quantity: string): number {
  const [, amount, unit] = /^([1-9][0-9]*)(m?)$/.exec(quantity) ?? []
  if (amount === undefined) throw new RangeError(`not a CPU quantity: ${quantity}`)
  return unit === 'm' ? Number(amount) : Number(amount) * 1000
}
