import { sha256 } from '../../reconciler/model/digest.ts'
import { nothingUnread, type DesiredState } from '../../reconciler/model/desired-state.ts'
import type { InventoryEntry } from '../../reconciler/model/inventory.ts'
import type { Action, Plan } from '../../reconciler/model/plan.ts'
import type { ResolvedInstance, Role, TeamDocument, UserDocument } from '../../reconciler/model/resource.ts'
import type { StatusRecord } from '../../reconciler/model/status-record.ts'
import type { FleetEvent, FleetStatus, FleetStatusFeed } from '../../reconciler/status/fleet-status.ts'
import { resolvedInstance } from './make-instance.ts'

/**
 * A fleet of two teams. `canary` stands in every place that must never be told: hashes, tokens, values of variables,
 * digests of passwords.
 */
export const canary = 'canary4711'
export const now = '2026-01-02T03:04:05.000Z'

/** The declared read tokens: whoever has one presents this text. */
export const tokens = {
  alice: 'token-of-alice',
  aliceExpired: 'expired-token-of-alice',
  root: 'token-of-root',
}

const revision = {
  id: 'c'.repeat(40),
  kind: 'commit',
  author: 'Alice',
  subject: 'Add a press',
  at: now,
} as const

type Members = readonly (readonly [user: string, role: Role])[]

function team(name: string, members: Members): TeamDocument {
  return {
    apiVersion: 'weir/v1',
    kind: 'Team',
    metadata: { name },
    spec: { displayName: name.toUpperCase(), members: members.map(([user, role]) => ({ user, role })) },
  }
}

function user(name: string, spec: UserDocument['spec'] = {}): UserDocument {
  return {
    apiVersion: 'weir/v1',
    kind: 'User',
    metadata: { name },
    spec: { email: `${name}@example.com`, ...spec },
  }
}

export type Hashes = { readonly [user: string]: string }

export function desiredState(hashes: Hashes = {}): DesiredState {
  const hashOf = (name: string) => ({ passwordHash: hashes[name] ?? `$2b$04$${canary}`.padEnd(60, '.') })
  const users = [
    user('alice', {
      ...hashOf('alice'),
      tokens: [
        { name: 'ci', sha256: sha256(tokens.alice) },
        { name: 'old', sha256: sha256(tokens.aliceExpired), expires: '2026-01-01T00:00:00Z' },
      ],
    }),
    user('victor', hashOf('victor')),
    user('dora', hashOf('dora')),
    user('bob', hashOf('bob')),
    user('nobody', hashOf('nobody')),
    user('root', { ...hashOf('root'), admin: true, tokens: [{ name: 'ci', sha256: sha256(tokens.root) }] }),
  ]
  const teams = [
    team('assembly', [
      ['alice', 'owner'],
      ['victor', 'viewer'],
      ['dora', 'dashboard'],
    ]),
    team('packing', [['bob', 'member']]),
  ]
  const instances = [instance('press', 'assembly'), instance('wrapper', 'packing')]
  return {
    revision,
    users: new Map(users.map((one) => [one.metadata.name, one])),
    teams: new Map(teams.map((one) => [one.metadata.name, one])),
    instances: new Map(instances.map((one) => [one.name, one])),
    invalidUsers: new Set(),
    invalidTeams: new Set(),
    unread: nothingUnread,
    renames: new Map(),
    held: new Map([['broken', 'depends on an invalid stack']]),
    flows: new Map(),
    credentials: new Map(),
    certificates: new Map(),
    complete: false,
    diagnostics: [
      { code: 'missing-secret', severity: 'warning', message: 'press-key is not there', instance: 'press' },
    ],
  }
}

function instance(name: string, team: string): ResolvedInstance {
  return resolvedInstance(name, {
    team,
    env: {
      SITE: { value: `value-${canary}` },
      API_KEY: { secret: 'press-key', fingerprint: sha256(canary) },
    },
    flows: { path: `flows/${name}.json`, digest: sha256('[]') },
    access: { alice: { role: 'owner', password: `digest-${canary}` } },
  })
}

function entry(uid: string, name: string, team: string, port: number): InventoryEntry {
  const spec = instance(name, team)
  return {
    uid,
    name,
    driver: 'localfs',
    port,
    applied: { spec, expected: { state: 'running' }, revision: revision.id, at: now },
  }
}

function record(name: string, phase: StatusRecord['phase'], drifted: boolean): StatusRecord {
  const condition = { reason: 'Because', message: 'So it is.', since: now, observedRevision: revision.id }
  return {
    kind: 'Instance',
    name,
    phase,
    message: `${name} is ${phase}`,
    conditions: [
      { ...condition, type: 'Ready', status: phase === 'running' ? 'True' : 'False' },
      { ...condition, type: 'Drifted', status: drifted ? 'True' : 'False' },
    ],
  }
}

function action(name: string): Action {
  return {
    kind: 'update',
    target: { name, uid: `uid-${name}`, driver: 'localfs' },
    cause: 'change and drift',
    reason: 'drifted',
    effect: 'flows restart',
    changes: [
      { path: 'state', cause: 'drift', from: 'stopped', to: 'running' },
      { path: 'env.SITE', cause: 'change', from: `old-${canary}`, to: `value-${canary}` },
      { path: 'env.API_KEY', cause: 'drift', secret: 'changed' },
      { path: 'access.alice.role', cause: 'change', from: 'member', to: 'owner' },
      { path: 'access.alice', cause: 'change', to: { role: 'owner', password: `digest-${canary}` } },
    ],
    edited: {
      added: 1,
      changed: 0,
      removed: 0,
      by: 'olga',
      at: now,
      nodes: [{ edit: 'added', type: 'debug', id: 'n1' }],
      more: 0,
    },
  }
}

export function plan(): Plan {
  const none = { create: 0, restart: 0, replace: 0, start: 0, stop: 0, delete: 0, adopt: 0, rename: 0 }
  return {
    apiVersion: 'weir/v1',
    kind: 'Plan',
    id: 'd'.repeat(64),
    revision: revision.id,
    complete: true,
    summary: {
      ...none,
      update: 2,
      unchanged: 0,
      held: 1,
      losesAccess: 0,
      gainsAccess: 1,
      headline: 'updates 2 instances',
    },
    actions: [action('press'), action('wrapper')],
    access: [
      { user: 'alice', instance: 'press', from: 'member', to: 'owner' },
      { user: 'bob', instance: 'wrapper', to: 'member' },
    ],
    refusals: [{ policy: 'max-deletions', message: 'wrapper and more', remedy: 'allow it' }],
    problems: [{ code: 'missing-secret', message: 'press-key is not there', target: 'press' }],
  }
}

export function fleetStatus(hashes: Hashes = {}): FleetStatus {
  const entries = [
    entry('uid-press', 'press', 'assembly', 12080),
    entry('uid-wrapper', 'wrapper', 'packing', 12081),
  ]
  return {
    fleet: 'fleet-1',
    source: { description: 'https://git.example.com/fleet.git', revision, readAt: now },
    desired: desiredState(hashes),
    inventory: new Map(entries.map((one) => [one.uid, one])),
    observed: {
      observations: new Map([
        [
          'uid-press',
          {
            kind: 'present',
            uid: 'uid-press',
            name: 'press',
            fields: { state: 'stopped', 'env.SITE': `value-${canary}` },
            phase: 'crashed',
            message: 'exit code 1',
          },
        ],
        ['uid-wrapper', { kind: 'unknown', uid: 'uid-wrapper', cause: 'no answer' }],
      ]),
      unreachable: new Map([['localfs', 'the folder is gone']]),
    },
    observedAt: now,
    plan: plan(),
    instances: new Map([
      ['press', record('press', 'crashed', true)],
      ['wrapper', record('wrapper', 'running', false)],
    ]),
    ready: true,
  }
}

/** A feed whose state and events the test decides. */
export function createFeed(initial: FleetStatus) {
  const listeners = new Set<(event: FleetEvent) => void>()
  let status = initial
  const feed: FleetStatusFeed = {
    current: () => status,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return {
    feed,
    listeners,
    set: (next: FleetStatus) => {
      status = next
    },
    emit: (event: FleetEvent) => {
      for (const listener of listeners) listener(event)
    },
  }
}
