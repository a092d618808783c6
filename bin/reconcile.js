#!/usr/bin/env node
// A clone runs its TypeScript as it stands; the published package has only what was compiled from it.
import { existsSync } from 'node:fs'

const source = new URL('../reconciler/main.ts', import.meta.url)
const compiled = new URL('../dist/reconciler/main.js', import.meta.url)
const { main } = await import((existsSync(source) ? source : compiled).href)
await main()
