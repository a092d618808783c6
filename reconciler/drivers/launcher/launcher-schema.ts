import { Ajv } from 'ajv'
import type {
  LauncherBootstrap,
  LauncherLogLine,
  LauncherLogPage,
  LauncherSample,
  LauncherState,
} from '../../../launcher/wire.ts'
import { launcherPhases, logLevels, sampleFields } from '../../../launcher/wire.ts'

const text = { type: 'string' } as const
const integer = { type: 'integer' } as const
const texts = { type: 'object', additionalProperties: text } as const
const versions = {
  type: 'object',
  required: ['nodeRed', 'node'],
  properties: { nodeRed: text, node: text },
} as const

const number = { type: 'number' } as const
const logLineProperties = {
  id: text,
  at: text,
  source: { enum: ['launcher', 'node-red'] },
  level: { enum: logLevels },
  text,
} satisfies { [K in keyof LauncherLogLine]-?: object }

const ajv = new Ajv({ strict: true })

/** What a launcher answers is data from outside until this has seen it. Unknown fields are let pass: it may be newer. */
export const isLauncherState = ajv.compile<LauncherState>({
  type: 'object',
  required: [
    'uid',
    'name',
    'fleet',
    'phase',
    'settingsFile',
    'modules',
    'versions',
    'restarts',
    'since',
  ] satisfies (keyof LauncherState)[],
  properties: {
    uid: text,
    name: text,
    fleet: text,
    phase: { enum: launcherPhases },
    message: text,
    installing: { type: 'boolean' },
    settings: text,
    settingsFile: { enum: ['intact', 'changed', 'missing'] },
    flows: text,
    credentials: { enum: ['intact', 'changed'] },
    declares: {
      type: 'object',
      required: ['flows', 'modules'],
      properties: { flows: { type: 'boolean' }, modules: { type: 'array', items: text } },
    },
    modules: texts,
    versions,
    port: integer,
    pid: integer,
    lastLines: { type: 'array', items: text },
    restarts: integer,
    since: text,
  } satisfies { [K in keyof LauncherState]-?: object },
})

const bootstrapProperties = {
  uid: text,
  name: text,
  fleet: text,
  runtimeUrl: text,
  runtimeToken: text,
  adminToken: text,
  adminHost: text,
  adminPort: integer,
  stack: text,
  node: text,
  versions,
  modules: text,
} satisfies { [K in keyof LauncherBootstrap]-?: object }

const bootstrapOptional: readonly string[] = ['modules'] satisfies (keyof LauncherBootstrap)[]

/** Whether `launcher.json` still is what the driver wrote. */
export const isLauncherBootstrap = ajv.compile<LauncherBootstrap>({
  type: 'object',
  required: Object.keys(bootstrapProperties).filter((name) => !bootstrapOptional.includes(name)),
  properties: bootstrapProperties,
})

export const isLogLine = ajv.compile<LauncherLogLine>({
  type: 'object',
  required: ['at', 'source', 'text'],
  properties: logLineProperties,
})

export const isLogPage = ajv.compile<LauncherLogPage>({
  type: 'object',
  required: ['lines', 'next'],
  properties: {
    lines: {
      type: 'array',
      items: { type: 'object', required: ['at', 'source', 'text'], properties: logLineProperties },
    },
    next: text,
    previous: text,
  },
})

export const isSamples = ajv.compile<{ readonly samples: readonly LauncherSample[] }>({
  type: 'object',
  required: ['samples'],
  properties: {
    samples: {
      type: 'array',
      items: {
        type: 'object',
        required: ['at', ...sampleFields],
        properties: { at: text, ...Object.fromEntries(sampleFields.map((field) => [field, number])) },
      },
    },
  },
})
