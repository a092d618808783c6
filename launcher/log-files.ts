import { fs } from './builtin.ts'
import { dirname, join } from 'node:path'
import { logArchive } from './wire.ts'

const { readdirSync, rmSync } = fs

const dayMs = 86_400_000
const daysKept = 7
/** Beside the one that is written to: with 10 MiB each, a log takes at most 100 MiB. */
const archivesKept = 9

interface Archive {
  readonly path: string
  readonly day: string
  readonly nth: number
}

/** The day of a moment, in UTC, as `2026-11-25`. */
export function dayOf(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10)
}

/** The files of a log at `console.log`, oldest first, the one that is written to last. */
export function logFiles(path: string): readonly string[] {
  return [...archives(path).map((archive) => archive.path), path]
}

/** What a log file of that day is set aside as: `console.2026-11-25.1.log` beside `console.log`. */
export function archivePath(path: string, day: string): string {
  const nths = archives(path).flatMap((archive) => (archive.day === day ? [archive.nth] : []))
  return join(dirname(path), `console.${day}.${Math.max(0, ...nths) + 1}.log`)
}

/** Removes what is more than 7 days old, and the oldest of more than 9 archives. */
export function pruneArchives(path: string, now: number): void {
  const firstDay = dayOf(now - daysKept * dayMs)
  const all = archives(path)
  const old = all.filter(({ day }, index) => day < firstDay || index < all.length - archivesKept)
  for (const archive of old) rmSync(archive.path, { force: true })
}

function archives(path: string): readonly Archive[] {
  return namesIn(dirname(path))
    .flatMap((name) => {
      const [, day, nth] = logArchive.exec(name) ?? []
      if (day === undefined || nth === undefined) return []
      return [{ path: join(dirname(path), name), day, nth: Number(nth) }]
    })
    .toSorted((a, b) => (a.day === b.day ? a.nth - b.nth : a.day < b.day ? -1 : 1))
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
