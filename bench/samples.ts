/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper
}

/**
 * Runs a measurement and that of its limit in turns, so that what else goes on at the machine hits both alike: one turn
 * to warm up, which does not count, then `turns`.
 */
export async function inTurns<Ours, Limit>(
  turns: number,
  ours: () => Promise<Ours>,
  limit: () => Promise<Limit>,
): Promise<{ readonly ours: readonly Ours[]; readonly limit: readonly Limit[] }> {
  const samples: { readonly ours: Ours[]; readonly limit: Limit[] } = { ours: [], limit: [] }
  await ours()
  await limit()
  for (let turn = 0; turn < turns; turn += 1) {
    samples.ours.push(await ours())
    samples.limit.push(await limit())
  }
  return samples
}

/** The sample below which that share of all lies, from 0 to 1: the nearest rank. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
