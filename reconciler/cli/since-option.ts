import { InvalidArgumentError, Option } from 'commander'

const unitMs: { readonly [unit: string]: number } = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `--since` of a log: a time, or how long ago. Its value is a time as in RFC 3339. */
export function sinceOption(now: () => Date): Option {
  return new Option(
    '--since <time>',
    'all lines since then: a time such as 2026-11-25T03:00Z, or how long ago, such as 90m or 2h',
  ).argParser((text) => sinceTime(text, now()))
}

/** @throws InvalidArgumentError for a time that is none. */
export function sinceTime(text: string, now: Date): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const moment =
    count === undefined ? timeOf(text) : now.getTime() - Number(count) * (unitMs[unit] ?? Number.NaN)
  if (!Number.isNaN(moment)) return new Date(moment).toISOString()
  throw new InvalidArgumentError('give a time such as 2026-11-25T03:00Z, or how long ago, such as 90m or 2h')
}

function timeOf(text: string): number {
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
}
