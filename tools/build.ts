/** `npm run build`: compiles what is published into dist/, and copies beside it what Node-RED loads as it stands. */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
rmSync(join(root, 'dist'), { recursive: true, force: true })
execFileSync('tsc', ['--project', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
for (const folder of ['launcher/node-red', 'launcher/plugins'])
  cpSync(join(root, folder), join(root, 'dist', folder), { recursive: true })
