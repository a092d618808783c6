import { fs } from './builtin.ts'
import { writeFileAtomic } from './atomic-file.ts'
import { canonicalDigest, canonicalJson } from './canonical-json.ts'
import type { RuntimeSettings } from './wire.ts'

const { readFileSync, statSync } = fs

type DeclaredFlows = NonNullable<RuntimeSettings['flows']>

/** Node-RED's flows.json. Its digest is computed again only when the file has changed. */
export class FlowsFile {
  readonly #path: string
  #seen = ''
  #digest: string | undefined

  constructor(path: string) {
    this.#path = path
  }

  /**
   * The digest of the flows in canonical form; undefined where there are none or they are not JSON. Flows that are the
   * declared ones have the digest that came with these: nothing is computed, and what computes is not loaded.
   */
  digest(declared: DeclaredFlows | undefined): string | undefined {
    const version = versionOf(this.#path)
    if (version !== this.#seen) {
      this.#digest = version === '' ? undefined : digestOfFile(this.#path, declared)
      this.#seen = version
    }
    return this.#digest
  }

  /** Writes the flows where those on disk are not the same. Whether it had to. */
  ensure(flows: DeclaredFlows): boolean {
    if (this.digest(flows) === flows.digest) return false
    writeFileAtomic(this.#path, JSON.stringify(flows.nodes, null, 4))
    return true
  }
}

/** Changes whenever the file does; '' where there is none. */
export function versionOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : [stat.mtimeMs, stat.ctimeMs, stat.size, stat.ino].join(' ')
}

function digestOfFile(path: string, declared: DeclaredFlows | undefined): string | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (declared !== undefined && canonicalJson(found) === canonicalJson(declared.nodes))
      return declared.digest
    return canonicalDigest(found)
  } catch {
    return undefined
  }
}
