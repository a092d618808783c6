import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { program } from '../support/program.ts'

const run = promisify(execFile)

t.test('what was compiled is kept below an absolute path, or not at all', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'weir-cache-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const cwd = join(root, 'work')
  await mkdir(cwd)
  // whoever it runs as
  for (const folder of [root, cwd]) await chmod(folder, 0o777)
  /** Runs with nothing in the environment but this. */
  const version = async (environment: readonly string[], uid?: number) => {
    const own = ['-i', ...environment, process.execPath, program, '--version']
    const { stdout, stderr } = await run('env', own, { cwd, ...(uid === undefined ? {} : { uid }) })
    t.match({ stdout, stderr }, { stdout: /^\d+\./, stderr: '' })
    t.strictSame(await readdir(cwd), [], 'nothing lies where it was called')
  }
  await version(['HOME='])
  await version(['HOME=relative'])
  await version(['HOME=', 'XDG_CACHE_HOME=relative'])
  // Only root can be somebody whom the system does not know; anybody else is at least without a HOME.
  await version([], process.getuid?.() === 0 ? 54_321 : undefined)
  t.notOk(existsSync(join(root, '.cache')))
  await version([`HOME=${root}`, 'XDG_CACHE_HOME=relative'])
  t.ok(existsSync(join(root, '.cache/weir/compiled')))
  await version(['HOME=', `XDG_CACHE_HOME=${join(root, 'caches')}`])
  t.ok(existsSync(join(root, 'caches/weir/compiled')))
})
