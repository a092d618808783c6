import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import { CommanderError } from 'commander'
import { runProgram } from './cli/program.ts'
import { StatusServerError } from './cli/status-client.ts'
import { createTerminal, type Terminal } from './cli/terminal.ts'
import { ConfigError } from './config.ts'
import { ListenError } from './api/server.ts'
import { PasswordError } from './identity/passwords.ts'
import { KeyError } from './secrets/fleet-key.ts'
import { SourceError } from './source/source.ts'
import { StateDocumentError } from './status/state-document.ts'
import { StoreError } from './store/store.ts'

/**
 * The process: signals in, exit code out. A second signal ends it at once. `onReady` is called when `serve` has done
 * its first work.
 */
export async function main(
  argv: readonly string[] = process.argv.slice(2),
  onReady: (url: string) => void = () => undefined,
): Promise<void> {
  const { stdout, stderr, stdin, env } = process
  const terminal = createTerminal({ stdout, stderr, noColour: (env['NO_COLOR'] ?? '') !== '' })
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(130)
      ending.abort(new Error(`ended by ${signal}`))
    })
  try {
    process.exitCode = await runProgram(argv, {
      terminal,
      environment: env,
      workingDirectory: process.cwd(),
      input: stdin,
      signal: ending.signal,
      launcher: launcherProgram(),
      version: await versionOf(),
      account: accountName(),
      onReady,
    })
  } catch (error) {
    process.exitCode = ending.signal.aborted ? 130 : report(error, terminal)
  }
}

/** The launcher beside this program, in the form that this program has: TypeScript in a clone, JavaScript in a package. */
function launcherProgram(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../launcher/main.${extension}`, import.meta.url))
}

/** An account of a container may have no name. */
function accountName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

async function versionOf(): Promise<string> {
  for (const place of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(place, import.meta.url), 'utf8').catch(() => undefined)
    const document: unknown = text === undefined ? undefined : JSON.parse(text)
    if (typeof document === 'object' && document !== null && 'version' in document)
      return String(document.version)
  }
  return 'unknown'
}

/** What a person can mend is told without a stack; anything else is a bug and shows where. */
function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1
  terminal.err(`${terminal.paintErr('red', 'error')}: ${explain(error)}\n`)
  return 1
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SourceError || error instanceof StoreError)
    return error.remedy === undefined ? error.message : `${error.message}\n  ${error.remedy}`
  const mendable = [
    ConfigError,
    StatusServerError,
    StateDocumentError,
    PasswordError,
    KeyError,
    ListenError,
  ].some((kind) => error instanceof kind)
  return mendable ? error.message : (error.stack ?? error.message)
}
