import { readFile } from 'node:fs/promises'
import { checkServerIdentity } from 'node:tls'
import type { Client, ClientConfig } from 'pg'
import type { PostgresTarget } from '../model/store-url.ts'
import type { Sockets } from './postgres-sockets.ts'

/** Milliseconds until a server that does not answer counts as away. */
const connectTimeout = 10_000

/**
 * Milliseconds that a transaction may stay open while its process says nothing. One that is held still has all others wait, and is
 * cut off before another reconciler may lead.
 */
const idleInTransaction = 5_000

/** How connections are made. The password is read anew for each, so that one that was changed is taken. */
export async function connectionConfig(target: PostgresTarget, purpose: string, { open }: Sockets) {
  const { host, port, database, user, passwordFile } = target
  return {
    host,
    port,
    database,
    user,
    // a function also where there is none: otherwise the environment and ~/.pgpass would be asked
    password: async () => (passwordFile === undefined ? '' : passwordIn(passwordFile)),
    stream: open,
    ssl: target.tls === 'verified' ? await tlsOf(target) : false,
    application_name: `weir ${purpose}`,
    connectionTimeoutMillis: connectTimeout,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

export interface Preparation {
  readonly access: 'READ WRITE' | 'READ ONLY'
  /** Milliseconds that a statement may take, or wait for a lock. */
  readonly statementTimeout: number
  /** A server that leaves a statement without an answer for so many milliseconds is taken for gone. */
  readonly silence: number
}

/**
 * Makes a fresh connection ours: transactions see what was committed before each of their statements, and what was committed
 * is on the disk, whatever the server is set to. Not by parameters of the start, which poolers refuse
 * (https://www.pgbouncer.org/config.html#ignore_startup_parameters). A server, database or user that is set to read-only stays so.
 */
export async function prepareConnection(
  client: Client,
  { access, statementTimeout, silence }: Preparation,
): Promise<void> {
  destroyWhenSilent(client, silence)
  await client.query(
    `SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED${access === 'READ ONLY' ? ', READ ONLY' : ''};
     SET statement_timeout = ${statementTimeout};
     SET lock_timeout = ${statementTimeout};
     SET idle_in_transaction_session_timeout = ${Math.min(statementTimeout, idleInTransaction)};
     SET synchronous_commit = on;
     SET standard_conforming_strings = on;
     SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`,
  )
}

/** One newline at its end is not part of it. */
async function passwordIn(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
}

async function tlsOf({ host, ca }: PostgresTarget): Promise<NonNullable<ClientConfig['ssl']>> {
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    // also where the host is an address, which the driver tells nobody
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(ca === undefined ? {} : { ca: await readFile(ca, 'utf8') }),
  }
}

/** A statement that a hung server never answers would hold its connection, and a turn, for ever. */
function destroyWhenSilent(client: Client, limit: number): void {
  const stream = streamOf(client)
  stream.setTimeout(limit)
  stream.on('timeout', () => {
    const idle = 'readyForQuery' in client && client.readyForQuery === true
    if (idle && !stream.writableEnded) return
    stream.destroy(new Error(`the server did not answer for ${limit / 1000} s`))
  })
}

interface Stream {
  readonly writableEnded: boolean
  setTimeout(ms: number): unknown
  on(event: 'timeout', heard: () => void): unknown
  destroy(error: Error): unknown
}

/** The socket below a client, which the types of the driver do not show. */
function streamOf(client: Client): Stream {
  const connection: unknown = 'connection' in client ? client.connection : undefined
  const stream: unknown =
    typeof connection === 'object' && connection !== null && 'stream' in connection ? connection.stream : {}
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- node:net or node:tls made it
  return stream as Stream
}
