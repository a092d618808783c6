import { fs } from './builtin.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { canonicalDigest } from './canonical-json.ts'

const { readFileSync, statSync } = fs

/** Node-RED's flows.json. Its digest is computed again only when the file has changed. */
export class FlowsFile {
  readonly #path: string
  #seen = ''
  #digest: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** The digest of the flows in canonical form; undefined where there are none or they are not JSON. */
  digest(): string | undefined {
    const version = versionOf(this.#path)
    if (version !== this.#seen) {
      this.#digest = version === '' ? undefined : digestOfFile(this.#path)
      this.#seen = version
    }
    return this.#digest
  }

  /** Writes the flows where those on disk are not the same. Whether it had to. */
  ensure(flows: { readonly digest: string; readonly nodes: readonly unknown[] }): boolean {
    if (this.digest() === flows.digest) return false
    writeFileAtomic(this.#path, JSON.stringify(flows.nodes, null, 4))
    return true
  }
}

/** Changes whenever the file does; '' where there is none. */
export function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : [stat.mtimeMs, stat.ctimeMs, stat.size, stat.ino].join(' ')
}

function digestOfFile(path: string): string | undefined {
  try {
    return canonicalDigest(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}
