#!/usr/bin/env node
// A clone runs its TypeScript as it stands; the published package has only what was compiled from it.
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Most of a short run is compiling. Where the folder cannot be written, Node.js goes on without.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'weir', 'compiled'))

const source = new URL('../reconciler/main.ts', import.meta.url)
const compiled = new URL('../dist/reconciler/main.js', import.meta.url)
const { main } = await import((existsSync(source) ? source : compiled).href)
await main()
