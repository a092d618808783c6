import { objectSchema as object } from '../../../model/json-schema.ts'
import {
  contextSchema,
  editorSchema,
  endpointsSchema,
  functionModulesSchema,
} from '../../../model/settings-schema.ts'
import {
  anything,
  change,
  condition,
  flag,
  journalEntry,
  list,
  mapOf,
  phase,
  text,
  timestamp,
} from '../../schemas.ts'

const summary = {
  name: text,
  uid: text,
  team: text,
  driver: text,
  state: { type: 'string', enum: ['running', 'stopped'] },
  phase,
  message: text,
  url: text,
  revision: { type: 'string', description: 'The revision last brought about.' },
  ready: flag,
  drifted: flag,
  stalled: flag,
  held: { type: 'string', description: 'Why it is left as it is, where it cannot be planned.' },
} as const

const mayLack = ['uid', 'team', 'driver', 'state', 'message', 'url', 'revision', 'held'] as const

export const instanceSummary = object(summary, mayLack)

const declared = object(
  {
    state: text,
    stack: object({ nodeRed: text, node: { type: 'number' }, image: text }, ['image']),
    resources: object({ memory: text, cpu: text }, ['memory', 'cpu']),
    port: { type: 'integer' },
    hostnames: list(text),
    env: {
      ...list(object({ name: text, secret: text }, ['secret'])),
      description: 'Variables by name, and the secret they come from; values are not shown.',
    },
    modules: mapOf(text),
    flows: object({ path: text, digest: text }),
    editor: editorSchema,
    endpoints: endpointsSchema(text, text),
    functionModules: functionModulesSchema,
    context: contextSchema,
    certificates: object({ path: text, digest: text }),
    access: list(object({ user: text, role: text })),
  },
  ['port', 'flows', 'functionModules', 'context', 'certificates'],
)

const observed = object(
  {
    kind: text,
    phase,
    message: text,
    lastLines: {
      ...list(text),
      description: 'What Node-RED said last before it ended, where it has crashed or is in safe mode.',
    },
    fields: mapOf(anything),
  },
  ['phase', 'message', 'lastLines', 'fields'],
)

export const instance = object(
  {
    ...summary,
    conditions: list(condition),
    desired: declared,
    applied: object({ revision: text, at: timestamp }),
    observed,
    drift: list(change),
    actions: { ...list(journalEntry), description: 'What was done last, newest first.' },
  },
  [...mayLack, 'desired', 'applied', 'observed', 'drift', 'actions'],
)
