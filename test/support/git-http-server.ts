import { execFileSync, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { isolatedGitEnvironment } from './git-repository.ts'

/** A Git server over HTTP on a free port of 127.0.0.1. */
export interface GitHttpServer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  /** What was asked for, in order: method, path and Authorization. */
  readonly requests: { readonly line: string; readonly authorization: string | undefined }[]
  /** Answers before Git does, and says so by true. */
  intercept: (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean
}

/** Serves the repositories below `root` by `git http-backend`, until the test ends. */
export async function serveGit(t: Test, root: string): Promise<GitHttpServer> {
  const http: GitHttpServer = { origin: '', requests: [], intercept: () => false }
  const server = createServer((request, response) => {
    const { authorization } = request.headers
    http.requests.push({ line: `${request.method ?? ''} ${request.url ?? ''}`, authorization })
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      if (!http.intercept(request, response, body)) runBackend(root, request, response, body)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return Object.assign(http, { origin: `http://127.0.0.1:${address.port}` })
}

/** @see https://git-scm.com/docs/git-http-backend and RFC 3875 (CGI) */
function runBackend(root: string, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const backend = spawn(join(execPath(), 'git-http-backend'), {
    env: {
      ...isolatedGitEnvironment,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  backend.stdin.on('error', () => {})
  backend.stdin.end(body)
  const chunks: Buffer[] = []
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  backend.on('close', () => {
    const output = Buffer.concat(chunks)
    const end = output.indexOf('\r\n\r\n')
    const headers = output.toString('latin1', 0, end).split('\r\n')
    const status = headers.find((header) => header.startsWith('Status: '))
    response.statusCode = status === undefined ? 200 : Number(status.slice(8, 11))
    for (const header of headers.filter((line) => line !== status)) {
      const [name = '', value = ''] = header.split(': ')
      response.setHeader(name, value)
    }
    response.end(output.subarray(end + 4))
  })
}

function execPath(): string {
  return execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()
}
