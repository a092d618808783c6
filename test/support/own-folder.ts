import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

/** For what may still write when its test is done: removed when the file's tests are, however late the last write. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-test-own-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
  return folder
}
