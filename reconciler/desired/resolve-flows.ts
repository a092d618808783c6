import type { CredentialsFile } from './credentials-file.ts'
import type { Finding } from './finding.ts'
import type { Parts } from './find-parts.ts'
import { pathInside, type FlowsFile } from './flows-file.ts'
import type { Located } from './index-resources.ts'
import { defined } from '../model/defined.ts'
import type {
  DeclaredFile,
  DeclaredFlows,
  InstanceDocument,
  ResolvedInstance,
  TemplateDocument,
} from '../model/resource.ts'

/** What the files that manifests name for their flows hold, by path inside the source. */
export interface FlowsFiles {
  readonly flows: ReadonlyMap<string, FlowsFile>
  readonly credentials: ReadonlyMap<string, CredentialsFile>
}

export interface ResolvedFlows extends Pick<ResolvedInstance, 'flows' | 'credentialSecret'> {
  readonly findings: readonly Finding[]
}

type Part = Located<InstanceDocument> | Located<TemplateDocument>
type Field = keyof NonNullable<TemplateDocument['spec']['flows']>

/** The flows that an instance or its template declares, with the digests of their files, and the key of the credentials. */
export function resolveFlows(parts: Parts, files: FlowsFiles): ResolvedFlows {
  const { instance, template } = parts
  const secret =
    instance.resource.spec.flows?.credentialSecret ?? template?.resource.spec.flows?.credentialSecret
  const { flows, findings } = declaredFlows(parts, files)
  return defined({ flows, findings, credentialSecret: secret === undefined ? undefined : { secret } })
}

function declaredFlows(
  parts: Parts,
  files: FlowsFiles,
): { readonly flows?: DeclaredFlows; readonly findings: readonly Finding[] } {
  const { instance } = parts
  const at = namer(parts, 'path')
  if (at === undefined) return { findings: needPath(instance) }
  const flows = fileOf(at, 'path', files.flows)
  const holder = credentialsHolder(parts, at)
  const credentials = holder === undefined ? undefined : fileOf(holder, 'credentials', files.credentials)
  const findings = [flows, credentials].flatMap((one) => (one !== undefined && 'code' in one ? [one] : []))
  if (flows === undefined || 'code' in flows || findings.length > 0) return { findings }
  const locked = namer(parts, 'onEdit')?.resource.spec.flows?.onEdit === 'lock'
  const file = plain(credentials)
  return {
    findings,
    flows: {
      ...flows,
      ...(file === undefined ? {} : { credentials: file }),
      ...(locked ? { onEdit: 'lock' } : {}),
    },
  }
}

function plain(file: DeclaredFile | Finding | undefined): DeclaredFile | undefined {
  return file === undefined || 'code' in file ? undefined : file
}

/** Who says it: the instance, else its template. */
function namer({ instance, template }: Parts, field: Field): Part | undefined {
  return [instance, template].find((part) => part?.resource.spec.flows?.[field] !== undefined)
}

/** Credentials of a template belong to its own flows, not to those that an instance puts in their place. */
function credentialsHolder(parts: Parts, flows: Part): Part | undefined {
  const holder = namer(parts, 'credentials')
  return holder === parts.template && flows !== parts.template ? undefined : holder
}

/** What an instance itself says of flows that nobody declares. */
function needPath(at: Located<InstanceDocument>): readonly Finding[] {
  const { flows = {} } = at.resource.spec
  return (['credentials', 'onEdit'] as const)
    .filter((field) => flows[field] !== undefined)
    .map((field) => ({
      code: 'missing-field',
      severity: 'error',
      file: at.file,
      document: at.document,
      path: ['spec', 'flows', field],
      message: `flows.${field} says something of declared flows, and no flows are declared`,
      remedy: 'name the flows file in flows.path, or leave this out',
    }))
}

type Content = FlowsFile | CredentialsFile

function fileOf(
  { file, document, resource }: Part,
  field: 'path' | 'credentials',
  files: ReadonlyMap<string, Content>,
): DeclaredFile | Finding {
  const named = resource.spec.flows?.[field] ?? ''
  const path = pathInside(file, named)
  const found = path === undefined ? undefined : files.get(path)
  if (path !== undefined && found !== undefined && found.kind !== 'invalid')
    return { path, digest: found.digest }
  const place = { severity: 'error', file, document, path: ['spec', 'flows', field] } as const
  return { ...place, ...problemOf(JSON.stringify(named), path, { field, found }) }
}

const formats = {
  path: {
    code: 'invalid-flows',
    what: 'a flows file',
    remedy: 'export the flows from Node-RED as JSON',
  },
  credentials: {
    code: 'invalid-credentials',
    what: 'a credentials file',
    remedy: 'print one with: reconcile flows export INSTANCE --credentials',
  },
} as const

function problemOf(
  shown: string,
  path: string | undefined,
  { field, found }: { readonly field: keyof typeof formats; readonly found: Content | undefined },
): Pick<Finding, 'code' | 'message' | 'remedy'> {
  if (path === undefined)
    return {
      code: 'path-outside',
      message: `${shown} leads out of the source`,
      remedy: 'name a file inside it, relative to this one',
    }
  const { code, what, remedy } = formats[field]
  if (found?.kind === 'invalid') return { code, message: `${shown} is not ${what}: ${found.message}`, remedy }
  return {
    code: 'path-not-found',
    message: `${shown} names no file (looked for ${path})`,
    remedy: 'check the name; it is relative to this file',
  }
}

/** The path of a file that an instance or template names for its flows, if it stays inside. */
export function pathNamedBy(located: Part, field: 'path' | 'credentials'): string | undefined {
  const path = located.resource.spec.flows?.[field]
  return path === undefined ? undefined : pathInside(located.file, path)
}
