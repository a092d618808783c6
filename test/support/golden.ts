import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'

/** More than a person reads in one go. */
const maxLines = 200

/** Compares a text with the one that was accepted before; `ACCEPT=1` accepts it now. */
export function golden(t: Test, file: string, text: string): void {
  // oxlint-disable-next-line no-process-env
  if (process.env['ACCEPT'] === '1') writeFileSync(file, text)
  t.ok(existsSync(file), `${file} was accepted (ACCEPT=1 accepts what is there now)`)
  t.equal(text, readFileSync(file, 'utf8'), file)
  t.ok(text.split('\n').length <= maxLines, `${file} has at most ${maxLines} lines`)
}
