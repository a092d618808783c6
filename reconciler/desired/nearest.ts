import { distance } from 'fastest-levenshtein'

/** The known word that was probably meant, or nothing when none is near. Ties go to the first. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const steps = distance(word.toLowerCase(), candidate.toLowerCase())
    if (steps < bestDistance) [best, bestDistance] = [candidate, steps]
  }
  return best
}
