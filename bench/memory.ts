import { readFile, readdir } from 'node:fs/promises'

/** The proportional set size of a process, in MB (proc(5), smaps_rollup). */
export async function pssMB(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return (Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * 1024) / 1e6
}

/** The processes whose parent this is. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(all.map(async (each) => [each, await parentOf(each)] as const))
  return parents.filter(([, parent]) => parent === pid).map(([each]) => each)
}

async function parentOf(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return stat === undefined ? undefined : Number(stat.replace(/^.*\) /, '').split(' ')[1])
}
