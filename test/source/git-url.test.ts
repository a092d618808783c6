import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkBranch, checkSourcePath } from '../../reconciler/source/git-names.ts'
import { parseGitUrl, type GitLocation } from '../../reconciler/source/git-url.ts'
import { SourceError } from '../../reconciler/source/source.ts'

const hostile = join(import.meta.dirname, '../../fixtures/hostile')
const lines = (name: string) => readFileSync(join(hostile, name), 'utf8').split('\n').slice(0, -1)

function refusal(work: () => unknown): SourceError {
  try {
    work()
  } catch (error) {
    if (error instanceof SourceError) return error
    throw error
  }
  throw new Error('it was taken')
}

function describe(location: GitLocation): string {
  return location.kind === 'local' ? location.directory : `${location.scheme} ${location.url}`
}

t.test('takes the forms that name a repository', async (t) => {
  const taken = {
    'https://host.example/team/fleet.git': 'https https://host.example/team/fleet.git',
    'https://host.example:8443/fleet': 'https https://host.example:8443/fleet',
    'https://[::1]:8443/fleet': 'https https://[::1]:8443/fleet',
    'https://user:password@host.example/fleet': 'https https://host.example/fleet',
    'https://dev.example/team/_git/my%20fleet': 'https https://dev.example/team/_git/my%20fleet',
    'ssh://git@host.example:2222/fleet.git': 'ssh ssh://git@host.example:2222/fleet.git',
    'ssh://host.example/~ada/fleet': 'ssh ssh://host.example/~ada/fleet',
    'git@host.example:team/fleet.git': 'ssh git@host.example:team/fleet.git',
    '/srv/my fleet': '/srv/my fleet',
    './fleet': './fleet',
    '../fleet': '../fleet',
    '.': '.',
  }
  for (const [url, expected] of Object.entries(taken))
    t.equal(describe(parseGitUrl(url, ['https', 'ssh'])), expected, url)
})

t.test('takes a scheme only where it is allowed', async (t) => {
  for (const [url, scheme] of [
    ['http://host.example/fleet', 'http'],
    ['git://host.example/fleet', 'git'],
    ['ssh://git@host.example/fleet', 'ssh'],
    ['https://host.example/fleet', 'https'],
  ] as const) {
    t.equal(describe(parseGitUrl(url, [scheme])), `${scheme} ${url}`)
    t.equal(refusal(() => parseGitUrl(url, [])).code, 'source-refused')
  }
  t.strictSame(parseGitUrl('file:///srv/my%20fleet', ['file']), { kind: 'local', directory: '/srv/my fleet' })
})

t.test('refuses everything else, with what to do, and repeats nothing of it', async (t) => {
  for (const url of [...lines('urls.txt'), '', 'https://host.example/\0', 'a\nb', '/srv/\0', './a\nb']) {
    const error = refusal(() => parseGitUrl(url, ['https', 'ssh']))
    t.equal(error.code, 'source-refused', JSON.stringify(url))
    t.ok(error.remedy)
    t.notMatch(error.message, /oProxy|touch|:pass|host\.example/)
  }
})

t.test('allowing every scheme lets no transport helper in', async (t) => {
  const all = ['https', 'ssh', 'http', 'file', 'git'] as const
  for (const url of lines('urls.txt').filter((line) => line.includes('::') && !line.includes('[')))
    t.equal(refusal(() => parseGitUrl(url, all)).code, 'source-refused', url)
})

t.test('splits a password off, and keeps it out of sight', async (t) => {
  const location = parseGitUrl('https://ada%40example.com:c%40nary@host.example/fleet', ['https'])
  if (location.kind !== 'remote') throw new Error('it is remote')
  t.equal(location.userinfo?.username, 'ada@example.com')
  t.equal(location.userinfo?.password?.reveal(), 'c@nary')
  t.notMatch(JSON.stringify(location), /nary/)
})

t.test('branches', async (t) => {
  for (const name of ['main', 'release/1.0', 'a-b', 'feature/@x', 'ümlaut', '1', 'a.b'])
    t.equal(checkBranch(name), name)
  for (const name of [...lines('branches.txt'), '', 'a\0b', 'a\nb', 'x'.repeat(256)])
    t.equal(refusal(() => checkBranch(name)).code, 'source-refused', JSON.stringify(name))
})

t.test('paths', async (t) => {
  for (const [path, expected] of [
    ['', ''],
    ['.', ''],
    ['./a//b/', 'a/b'],
    ['a b', 'a b'],
    ['a..b', 'a..b'],
    ['*', '*'],
  ] as const)
    t.equal(checkSourcePath(path), expected)
})
