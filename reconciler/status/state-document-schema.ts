import { objectSchema as object } from '../model/json-schema.ts'
import { phases } from '../model/observed-state.ts'
import { driverNames, roles } from '../model/resource.ts'
import {
  contextSchema,
  editorSchema,
  endpointsSchema,
  functionModulesSchema,
} from '../model/settings-schema.ts'

/** JSON Schema 2020-12 of a StateDocument. Unknown properties are allowed: a newer reconciler may say more. */

const text = { type: 'string' } as const
const texts = { type: 'object', additionalProperties: text } as const
const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const
const port = { type: 'integer', minimum: 1, maximum: 65_535 } as const

const resolvedInstance = object(
  {
    name: text,
    team: text,
    driver: { enum: driverNames },
    state: { enum: ['running', 'stopped'] },
    stack: object({ nodeRed: text, node: { type: 'number' }, image: text }, ['image']),
    port,
    hostnames: { type: 'array', items: text },
    resources: object({ memory: text, cpu: text }, ['memory', 'cpu']),
    env: {
      type: 'object',
      additionalProperties: {
        anyOf: [object({ value: text }), object({ secret: text, fingerprint: text }, ['fingerprint'])],
      },
    },
    modules: texts,
    flows: object(
      { path: text, digest, credentials: object({ path: text, digest }), onEdit: { enum: ['lock'] } },
      ['credentials', 'onEdit'],
    ),
    credentialSecret: object({ secret: text, fingerprint: text }, ['fingerprint']),
    editor: editorSchema,
    endpoints: endpointsSchema({ enum: ['public', 'basic', 'members'] }, text),
    functionModules: functionModulesSchema,
    context: contextSchema,
    certificates: object({ path: text, digest }),
    access: {
      type: 'object',
      additionalProperties: object({ role: { enum: [...roles, 'admin'] }, password: text }, ['password']),
    },
  },
  ['port', 'flows', 'credentialSecret', 'functionModules', 'context', 'certificates'],
)

const inventoryEntry = object(
  {
    uid: text,
    name: text,
    driver: { enum: driverNames },
    port,
    applied: object(
      {
        spec: resolvedInstance,
        expected: { type: 'object' },
        configured: { type: 'object' },
        revision: text,
        at: text,
      },
      ['configured'],
    ),
  },
  ['port', 'applied'],
)

const flowNode = object({ id: text, type: text, name: text, digest }, ['name'])

const observation = {
  anyOf: [
    object(
      {
        kind: { const: 'present' },
        uid: text,
        name: text,
        fields: { type: 'object' },
        phase: { enum: phases },
        message: text,
        edit: object({ nodes: { type: 'array', items: flowNode }, by: text, at: text }, ['by', 'at']),
        damaged: text,
      },
      ['message', 'edit', 'damaged'],
    ),
    object({ kind: { const: 'unknown' }, uid: text, cause: text }),
    object({ kind: { const: 'absent' }, uid: text }),
  ],
}

export const stateDocumentSchema = object(
  {
    apiVersion: { const: 'weir/v1' },
    kind: { const: 'State' },
    fleet: text,
    observedAt: text,
    inventory: { type: 'array', items: inventoryEntry },
    observations: { type: 'array', items: observation },
    unreachable: texts,
    secretFingerprints: texts,
  },
  ['observedAt'],
)
