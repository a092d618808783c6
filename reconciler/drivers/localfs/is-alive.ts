import { hasCode } from '../../model/has-code.ts'

/** Whether there is a process of that id, be it another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}
