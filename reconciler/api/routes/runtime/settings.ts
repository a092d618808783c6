import type { FastifyInstance } from 'fastify'
import { objectSchema as object } from '../../../model/json-schema.ts'
import {
  contextSchema,
  editorSchema,
  endpointsSchema,
  functionModulesSchema,
} from '../../../model/settings-schema.ts'
import type { DoorDeps } from '../../deps.ts'
import { instanceOf } from '../../instance-token.ts'
import { Problem } from '../../problem.ts'
import { answers, anything, flag, list, mapOf, text } from '../../schemas.ts'

const member = object(
  {
    username: text,
    displayName: text,
    permissions: text,
    proof: text,
    passwordHash: text,
    tokens: list(object({ sha256: text, expires: text }, ['expires'])),
  },
  ['displayName', 'passwordHash', 'tokens'],
)

const settings = object(
  {
    uid: text,
    name: text,
    digest: text,
    base: text,
    host: text,
    port: { type: 'integer' },
    memory: { type: 'integer', description: 'In bytes.' },
    env: mapOf(text),
    modules: mapOf(text),
    allowInstallScripts: flag,
    flows: object({ digest: text, nodes: list(anything), credentials: anything }, ['credentials']),
    credentialSecret: text,
    earlierCredentialSecrets: list(text),
    editor: editorSchema,
    endpoints: endpointsSchema(text, { type: 'integer', description: 'In bytes.' }),
    functionModules: functionModulesSchema,
    context: contextSchema,
    certificates: { type: 'string', description: 'PEM.' },
    identity: object({
      issuer: text,
      backChannel: text,
      clientId: text,
      clientSecret: text,
      redirectUris: list(text),
      sessionHours: { type: 'number' },
    }),
    members: list(member),
  },
  [
    'base',
    'memory',
    'flows',
    'earlierCredentialSecrets',
    'functionModules',
    'context',
    'certificates',
    'identity',
  ],
)

const schema = {
  summary: 'The settings of the instance whose token this is.',
  response: answers('The settings. Every value may be secret.', settings),
}

const members = object({
  uid: text,
  digest: text,
  base: text,
  members: list({ ...member, required: ['username', 'permissions'] }),
})

const membersSchema = {
  summary: 'Who may come in at most, while there are no settings.',
  response: answers('The members with their permissions. Rights that are not here have ended.', members),
}

/** `GET /settings`, `GET /members` */
export function settingsRoute(app: FastifyInstance, { desk }: Pick<DoorDeps, 'desk'>): void {
  app.get('/settings', { schema }, async (request) => {
    const found = await desk.settings(instanceOf(request).uid)
    // Not "not found": the launcher keeps what it has and asks again.
    if (!found)
      throw new Problem(503, 'There are no settings now: a secret is missing, or the source is not read yet.')
    return found
  })
  app.get('/members', { schema: membersSchema }, async (request) => {
    const found = await desk.members(instanceOf(request).uid)
    if (!found) throw new Problem(503, 'It is not known now who may come in.')
    return found
  })
}
