import { SourceError } from './source.ts'

/** What Git says, what it means, and what to do: the first that matches counts. */
const meanings: readonly (readonly [RegExp, string, string])[] = [
  [
    /could not read (?:Username|Password)|Authentication failed|401/i,
    'the repository wants other credentials',
    'check source.credentials: a file with `user:password` or a token that may read the repository',
  ],
  [
    /Host key verification failed|REMOTE HOST IDENTIFICATION/i,
    'the host key of the server is not known',
    'add it to known_hosts (ssh-keyscan, then compare it with what the host publishes); see source.knownHosts',
  ],
  [/Permission denied \(/i, 'the server refused the ssh key', 'check source.sshKey and the access it has'],
  [
    /requested URL returned error: 30\d|redirect/i,
    'the URL redirects',
    'write the URL that it redirects to; redirects are not followed',
  ],
  [
    /not found|does not (?:exist|appear to be a git)|404|No such file/i,
    'there is no such repository',
    'check source.url, and that the credentials may see it',
  ],
  [
    /transport '.*' not allowed/i,
    'the transport is not allowed',
    'see source.allow for the schemes that may be used',
  ],
  [/dubious ownership/i, 'the repository belongs to another user', 'change its owner'],
  [/certificate|SSL|TLS/i, 'the certificate of the server is not trusted', 'check the certificate'],
  [
    /No space left/i,
    'the disk is full',
    'make room on the disk that holds the data folder of the reconciler',
  ],
]

/** Puts Git's words for a source that cannot be read into an error for people. `said` is already scrubbed. */
export function unreachable(description: string, said: string): SourceError {
  const [, meaning, remedy] = meanings.find(([pattern]) => pattern.test(said)) ?? []
  const detail = lastLines(said)
  const message = `cannot read ${description}: ${meaning === undefined ? detail : `${meaning} (${detail})`}`
  return new SourceError('source-unreachable', message, remedy === undefined ? {} : { remedy })
}

/** What matters stands at the end; a server may say as much as it likes before. */
function lastLines(said: string): string {
  const lines = said.split(/[\r\n]+/).filter((line) => line.trim() !== '' && !line.startsWith('hint:'))
  const text = lines.slice(-3).join('; ')
  // Terminal escapes of a server stay out of terminals.
  return text.replaceAll(/\p{Cc}/gu, ' ').slice(0, 500)
}
