import { SourceError } from './source.ts'

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

function refuse(what: string, name: string, why: string, remedy: string): never {
  throw new SourceError('source-refused', `the ${what} ${JSON.stringify(name)} ${why}`, { remedy })
}

/** What `git check-ref-format --branch` forbids, as pairs of a rule and its words. */
const branchRules: readonly (readonly [(name: string) => boolean, string])[] = [
  [(name) => name === '', 'is empty'],
  [(name) => name.length > 255, 'is longer than 255 characters'],
  [(name) => name.startsWith('-'), 'begins with -'],
  [hasControlCharacter, 'holds a control character'],
  [(name) => /[ ~^:?*[\\]/.test(name), 'holds a space or one of ~ ^ : ? * [ \\'],
  [(name) => name.includes('..'), 'holds ..'],
  [(name) => name.includes('@{'), 'holds @{'],
  [(name) => name === '@' || name === 'HEAD', 'is not a branch'],
  [(name) => name.startsWith('refs/'), 'is a full reference, not a branch'],
  [(name) => name.endsWith('.'), 'ends with a dot'],
  [
    (name) => name.split('/').some((part) => part === '' || part.startsWith('.') || part.endsWith('.lock')),
    'has a part that is empty, begins with a dot or ends with .lock',
  ],
]

/**
 * The branch, when it is one.
 * @see https://git-scm.com/docs/git-check-ref-format
 * @throws SourceError `source-refused`.
 */
export function checkBranch(name: string): string {
  for (const [broken, words] of branchRules)
    if (broken(name)) refuse('branch', name, words, 'name a branch as `git branch` prints it')
  return name
}

const pathRules: readonly (readonly [(path: string) => boolean, string])[] = [
  [hasControlCharacter, 'holds a control character'],
  [(path) => path.includes('\\'), 'holds a backslash'],
  [(path) => path.startsWith('/'), 'is absolute'],
  [(path) => path.startsWith('~'), 'begins with ~'],
  [(path) => path.startsWith(':'), 'begins with :'],
  [(path) => path.startsWith('-'), 'begins with -'],
  [(path) => path.split('/').includes('..'), 'leads upwards'],
  [(path) => path.split('/').some((part) => part.toLowerCase() === '.git'), 'leads into .git'],
]

/**
 * A sub-path of a source, without `.` parts and slashes too many; empty for all of it.
 * @throws SourceError `source-refused` when it could lead outside.
 */
export function checkSourcePath(path: string): string {
  for (const [broken, words] of pathRules)
    if (broken(path)) refuse('source path', path, words, 'name a folder inside the source, with /')
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}
