import { readFileSync } from 'node:fs'

/** State and process group of a process (proc(5), stat); undefined where there is none. */
export function statOf(pid: number): { readonly state: string; readonly group: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = '', , group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state, group: Number(group) }
  } catch {
    return undefined
  }
}
