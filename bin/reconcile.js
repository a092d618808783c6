#!/usr/bin/env node
// A clone runs its TypeScript as it stands; the published package has only what was compiled from it.
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

// Most of a short run is compiling. Where the folder cannot be written, Node.js goes on without.
const caches = cachesFolder()
if (caches !== undefined) enableCompileCache(join(caches, 'weir', 'compiled'))

const source = new URL('../reconciler/main.ts', import.meta.url)
const compiled = new URL('../dist/reconciler/main.js', import.meta.url)
const { main } = await import((existsSync(source) ? source : compiled).href)
await main()

/**
 * What lies there is run: a relative path would be whoever's working folder this is. The XDG Base Directory Specification
 * wants one ignored too.
 */
function cachesFolder() {
  const [given, home] = [process.env['XDG_CACHE_HOME'] ?? '', homeFolder()]
  if (isAbsolute(given)) return given
  return isAbsolute(home) ? join(home, '.cache') : undefined
}

/** Empty where the environment names none, and the system does not know the user. */
function homeFolder() {
  try {
    return homedir()
  } catch {
    return ''
  }
}
