import { fs } from './builtin.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { isSettings } from './runtime-client.ts'
import type { RuntimeSettings } from './wire.ts'

const { readFileSync } = fs

/** The settings that this instance was given last; undefined where there are none that are whole and its own. */
export function readLastSettings(path: string, uid: string): RuntimeSettings | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return isSettings(parsed) && parsed.uid === uid ? parsed : undefined
  } catch {
    return undefined
  }
}

export function writeLastSettings(path: string, settings: RuntimeSettings): void {
  writeFileAtomic(path, JSON.stringify(settings))
}
