import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { until } from '../support/until.ts'
import { freePortPair } from '../support/free-port.ts'

/** Where Debian's packages put their programs: one folder a version. */
const packaged = '/usr/lib/postgresql'
const run = promisify(execFile)

/** For `t.test(…, { skip })`: why a suite is left out, and what lets it run; false where it runs. */
export const withoutPostgres: string | false =
  programs() === undefined ? 'needs PostgreSQL: apt-get install postgresql' : false

/** A server of its own: data folder, port, and `weir` as the only user, known by a password on loopback. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number
  /** The file that holds the password. */
  readonly passwordFile: string
  readonly password: string
  /** Makes an empty database, and returns the URL of a store in it, without the password. */
  createDatabase(): Promise<string>
  /** Runs statements in a database of it, or in `postgres`, as somebody else would. */
  query(sql: string, url?: string): Promise<readonly Record<string, unknown>[]>
  /** Ends it at once, as a fault does: every connection is gone. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Holds every process of it still, or lets them go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): Promise<void>
}

interface Test {
  teardown(end: () => unknown): void
}

/** Starts one, which ends with the test. `tls`: files of the certificate that it proves itself with. */
export async function startPostgres(
  t: Test,
  { tls }: { readonly tls?: { readonly key: string; readonly cert: string } } = {},
): Promise<PostgresServer> {
  const bin = programs()
  if (bin === undefined) throw new Error(String(withoutPostgres))
  // not below TMPDIR: the server's account must be able to go there
  const root = await mkdtemp('/tmp/weir-postgres-')
  const account = await unprivileged()
  const [data, passwordFile] = [join(root, 'data'), join(root, 'password')]
  const password = randomBytes(12).toString('hex')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  if (account.gid !== undefined)
    for (const path of [root, passwordFile]) await chown(path, account.uid, account.gid)
  const options = ['--auth=scram-sha-256', '--username=weir', `--pwfile=${passwordFile}`, '--encoding=UTF8']
  await run(join(bin, 'initdb'), ['-D', data, ...options, '--locale=C.UTF-8', '--no-sync'], {
    ...account,
    cwd: root,
  })
  const port = await freePortPair()
  // the machine outlives every fault that is tried here, so that nothing need wait for the disk
  const configuration = `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\n`
  const secured = tls === undefined ? '' : await certificateIn(root, tls, account)
  await writeFile(join(data, 'postgresql.auto.conf'), `${configuration}${secured}`)
  const server = createServer({ bin, root, data, port, account, password, passwordFile })
  t.teardown(async () => server[Symbol.asyncDispose]())
  await server.start()
  return server
}

/** The settings for a copy of the certificate that the server's account may read. */
async function certificateIn(
  root: string,
  tls: { readonly key: string; readonly cert: string },
  { uid, gid }: Account,
): Promise<string> {
  const [key, cert] = [join(root, 'server.key'), join(root, 'server.pem')]
  for (const [from, to] of [
    [tls.key, key],
    [tls.cert, cert],
  ] as const) {
    await copyFile(from, to)
    await chmod(to, 0o600)
    if (uid !== undefined) await chown(to, uid, gid)
  }
  return `ssl = on\nssl_key_file = '${key}'\nssl_cert_file = '${cert}'\n`
}

interface Place {
  readonly bin: string
  readonly root: string
  readonly data: string
  readonly port: number
  readonly account: Account
  readonly password: string
  readonly passwordFile: string
}

function createServer({ bin, root, data, port, account, password, passwordFile }: Place): PostgresServer {
  let child: ChildProcess | undefined
  let databases = 0
  const query = async (sql: string, url?: string): Promise<readonly Record<string, unknown>[]> => {
    const database = url === undefined ? 'postgres' : new URL(url).pathname.slice(1)
    const client = new Client({ host: '127.0.0.1', port, user: 'weir', password, database })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    // SIGQUIT is its immediate shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
    child.kill('SIGQUIT')
    await once(child, 'exit')
  }
  return {
    port,
    password,
    passwordFile,
    query,
    stop,
    async createDatabase() {
      const name = `weir_${++databases}`
      await query(`CREATE DATABASE ${name}`)
      return `postgres://weir@127.0.0.1:${port}/${name}?passwordFile=${passwordFile}`
    },
    async start() {
      child = spawn(join(bin, 'postgres'), ['-D', data], { ...account, cwd: root, stdio: 'ignore' })
      await until('PostgreSQL takes connections', async () => {
        if (child?.exitCode !== null) throw new Error(`PostgreSQL ended with ${child?.exitCode}`)
        return query('SELECT 1').then(
          () => true,
          () => false,
        )
      })
    },
    async signal(name) {
      const own = String(child?.pid)
      const { stdout } = await run('pgrep', ['-P', own])
      for (const pid of [own, ...stdout.trim().split('\n')]) process.kill(Number(pid), name)
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** Of the newest version that is installed. */
function programs(): string | undefined {
  const versions = existsSync(packaged) ? readdirSync(packaged).map(Number) : []
  const newest = versions.toSorted((a, b) => b - a).map((version) => join(packaged, String(version), 'bin'))
  return newest.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

type Account = { readonly uid: number; readonly gid: number } | { readonly uid?: never; readonly gid?: never }

/** PostgreSQL refuses to run as root: then as the account that the package made. */
async function unprivileged(): Promise<Account> {
  if (userInfo().uid !== 0) return {}
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  return { uid: await id('-u'), gid: await id('-g') }
}
