import { SourceError } from './source.ts'

/** The newest commit of the branch that is followed. */
export interface Tip {
  /** Full name of the reference that is fetched: `refs/heads/<branch>`, or HEAD when it is on no branch. */
  readonly reference: string
  readonly id: string
}

/**
 * Reads the answer of `git ls-remote --symref <url> HEAD [refs/heads/<branch>]`. Git matches a pattern against the end of
 * a name, so that only exact names count.
 * @throws SourceError `branch-not-found`.
 */
export function parseTip(
  output: string,
  { branch, description }: { readonly branch: string | undefined; readonly description: string },
): Tip {
  const { ids, head } = parseReferences(output)
  const reference = branch === undefined ? (head ?? 'HEAD') : `refs/heads/${branch}`
  const id = ids.get(branch === undefined ? 'HEAD' : reference)
  if (id !== undefined) return { reference, id }
  throw notFound(description, branch, { head, isEmpty: ids.size === 0 })
}

function parseReferences(output: string) {
  const ids = new Map<string, string>()
  let head: string | undefined
  for (const line of output.split('\n')) {
    const [left = '', name = ''] = line.split('\t')
    if (/^[0-9a-f]{40,64}$/.test(left)) ids.set(name, left)
    else if (left.startsWith('ref: ') && name === 'HEAD') head = left.slice('ref: '.length)
  }
  return { ids, head }
}

function notFound(
  description: string,
  branch: string | undefined,
  { head, isEmpty }: { head: string | undefined; isEmpty: boolean },
): SourceError {
  if (branch === undefined)
    return new SourceError('branch-not-found', `${description} holds no commit on the branch of its HEAD`, {
      remedy: 'push a first commit, or name the branch by source.branch',
    })
  const remedy = isEmpty
    ? 'push a first commit, or check source.branch'
    : `check source.branch; the default branch is ${head?.replace('refs/heads/', '') ?? 'none'}`
  return new SourceError('branch-not-found', `${description} has no branch ${branch}`, { remedy })
}
