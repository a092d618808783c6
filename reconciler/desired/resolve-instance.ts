import type { Finding } from './finding.ts'
import { findParts, type Parts } from './find-parts.ts'
import type { CertificatesFile } from './certificates-file.ts'
import type { Located, ResourceIndex } from './index-resources.ts'
import { mergeEnv } from './merge-env.ts'
import { resolveFlows, type FlowsFiles, type ResolvedFlows } from './resolve-flows.ts'
import { resolveCertificates } from './resolve-certificates.ts'
import { mergeDeclared, resolveDeclared, settingsFindings } from './resolve-settings.ts'
import type { TeamAccess } from './team-access.ts'
import { defined } from '../model/defined.ts'
import type {
  DeclaredFile,
  DriverName,
  InstanceDocument,
  Resource,
  ResolvedInstance,
  TemplateDocument,
} from '../model/resource.ts'

/** What resolving one instance needs beside the instance. */
export interface ResolutionContext {
  readonly index: ResourceIndex
  readonly defaultDriver: DriverName
  /** Undefined: it is not known which there are. */
  readonly drivers: ReadonlySet<DriverName> | undefined
  /** By name of the team. */
  readonly access: ReadonlyMap<string, TeamAccess>
  readonly files: FlowsFiles
  /** By path inside the source. */
  readonly certificates: ReadonlyMap<string, CertificatesFile>
}

export interface Resolution {
  readonly resolved?: ResolvedInstance
  readonly findings: readonly Finding[]
}

type Settings = TemplateDocument['spec']

/** A resolution, and all that it was made from. */
interface Known {
  readonly parts: Parts
  readonly access: TeamAccess | undefined
  readonly flows: Omit<ResolvedFlows, 'findings'>
  readonly certificates: ResolvedInstance['certificates']
  readonly defaultDriver: DriverName
  readonly drivers: ReadonlySet<DriverName> | undefined
  readonly resolution: Resolution
}

const resolved = new WeakMap<InstanceDocument, Known>()

/**
 * Folds Team, Template and Stack into an instance: maps merge, env merges by name, other lists replace; the instance
 * wins. From the same documents comes the same object: later steps keep what they know of an instance by identity.
 */
export function resolveInstance(instance: Located<InstanceDocument>, context: ResolutionContext): Resolution {
  const parts = findParts(instance, context.index)
  if ('findings' in parts) return parts
  const { findings: flowsFindings, ...flows } = resolveFlows(parts, context.files)
  const access = context.access.get(parts.team.resource.metadata.name)
  const before = resolved.get(instance.resource)
  const { certificates, findings: certificatesFindings } = resolveCertificates(parts, context.certificates)
  const findings = [...flowsFindings, ...certificatesFindings]
  const now = {
    parts,
    access,
    flows,
    certificates,
    defaultDriver: context.defaultDriver,
    drivers: context.drivers,
  }
  if (before !== undefined && findings.length === 0 && sameMakings(before, now)) return before.resolution
  const resolution = fold(now, findings)
  if (findings.length === 0) resolved.set(instance.resource, { ...now, resolution })
  return resolution
}

type Makings = Omit<Known, 'resolution'>

function sameMakings(before: Makings, now: Makings): boolean {
  return (
    before.access === now.access &&
    before.defaultDriver === now.defaultDriver &&
    before.drivers === now.drivers &&
    sameFile(before.flows.flows, now.flows.flows) &&
    sameFile(before.flows.flows?.credentials, now.flows.flows?.credentials) &&
    sameFile(before.certificates, now.certificates) &&
    sameParts(before.parts, now.parts)
  )
}

/** All else that is said of flows stands in the documents. */
function sameFile(a: DeclaredFile | undefined, b: DeclaredFile | undefined): boolean {
  return a?.path === b?.path && a?.digest === b?.digest
}

function sameParts(before: Parts, now: Parts): boolean {
  return (
    samePart(before.instance, now.instance) &&
    samePart(before.team, now.team) &&
    samePart(before.template, now.template) &&
    samePart(before.stack, now.stack)
  )
}

/** The same document in the same place: findings name the place. */
function samePart(a: Located<Resource> | undefined, b: Located<Resource> | undefined): boolean {
  return a?.resource === b?.resource && a?.file === b?.file && a?.document === b?.document
}

function fold(
  { parts, access, flows, certificates, defaultDriver, drivers }: Makings,
  filesFindings: readonly Finding[],
): Resolution {
  const env = mergeEnv(parts)
  const settings = mergeSettings(
    defaultDriver,
    parts.template?.resource.spec ?? {},
    parts.instance.resource.spec,
  )
  const findings = [
    ...env.findings,
    ...filesFindings,
    ...settingsFindings(parts, settings),
    ...driverFindings(parts, settings.driver, drivers),
    ...dependencies(parts, access),
  ]
  if (findings.some(({ severity }) => severity === 'error')) return { findings }
  const base = baseOf(parts, settings)
  return {
    findings: [...findings, ...notApplied(parts, settings)],
    resolved: defined({ ...base, env: env.env, access: access?.access ?? {}, ...flows, certificates }),
  }
}

type Defaulted = Required<
  Pick<Settings, 'driver' | 'state' | 'resources' | 'modules' | 'editor' | 'endpoints'>
> &
  Settings

/** As a browser sends them: a proxy compares them letter by letter. */
function hostNames({ hostname, hostnames = [] }: InstanceDocument['spec']): readonly string[] {
  return [...new Set([hostname ?? [], hostnames].flat().map((name) => name.toLowerCase()))]
}

function baseOf(
  parts: Parts,
  settings: Defaulted,
): Omit<ResolvedInstance, 'env' | 'access' | 'flows' | 'credentialSecret' | 'certificates'> {
  const { metadata, spec } = parts.instance.resource
  const { nodeRed, node = 24, image } = parts.stack.resource.spec
  const { driver, state, resources, modules } = settings
  return defined({
    name: metadata.name,
    team: spec.team,
    driver,
    state,
    stack: defined({ nodeRed, node, image }),
    port: spec.port,
    hostnames: hostNames(spec),
    resources,
    modules,
    ...resolveDeclared(settings, metadata.name),
  })
}

function mergeSettings(driver: DriverName, template: Settings, own: Settings): Defaulted {
  return {
    driver,
    state: 'running',
    ...template,
    ...own,
    resources: { ...template.resources, ...own.resources },
    modules: { ...template.modules, ...own.modules },
    ...mergeDeclared(template, own),
  }
}

/** An instance whose team cannot be trusted is not touched: the members it would get are not known. */
function dependencies(parts: Parts, access: TeamAccess | undefined): readonly Finding[] {
  if (access !== undefined && access.findings.length === 0) return []
  return [
    {
      code: 'depends-on-invalid',
      severity: 'error',
      file: parts.instance.file,
      document: parts.instance.document,
      path: ['spec', 'team'],
      message: `Team "${parts.instance.resource.spec.team}" is invalid`,
      remedy: 'mend the Team first; its own error is listed too',
    },
  ]
}

/** Said of each instance, for one that names another driver than its Template does is well; the configuration's default is always there. */
function driverFindings(
  { instance: { file, document, resource }, template }: Parts,
  driver: DriverName,
  drivers: ReadonlySet<DriverName> | undefined,
): readonly Finding[] {
  if (drivers === undefined || drivers.has(driver)) return []
  const { driver: own, template: named } = resource.spec
  const by =
    own === undefined && template !== undefined
      ? `, which Template "${template.resource.metadata.name}" names,`
      : ''
  return [
    {
      code: 'driver-not-configured',
      severity: 'error',
      file,
      document,
      path: ['spec', ...(own !== undefined ? ['driver'] : named !== undefined ? ['template'] : [])],
      message: `the ${driver} driver${by} is not configured`,
      remedy: `add the section \`${driver}\` to the configuration of the reconciler, or name another driver`,
    },
  ]
}

/** What the driver cannot do is said where it is declared, not ignored. */
function notApplied(parts: Parts, settings: Defaulted): readonly Finding[] {
  if (settings.driver === 'docker')
    return parts.instance.resource.spec.port === undefined ? [] : noPort(parts.instance)
  if (settings.resources.cpu === undefined) return []
  const own = parts.instance.resource.spec.resources?.cpu !== undefined
  const place = own || parts.template === undefined ? parts.instance : parts.template
  const known = unlimited.get(place) ?? noLimit(place)
  unlimited.set(place, known)
  return known
}

function noPort({ file, document }: Located<Resource>): readonly Finding[] {
  return [
    {
      code: 'not-applied',
      severity: 'warning',
      file,
      document,
      path: ['spec', 'port'],
      message: 'the docker driver publishes no port: browsers reach the instance by its host names',
      remedy: 'leave it out, and declare a hostname',
    },
  ]
}

/** Thousands of instances may use one template: they share what is said of it. */
const unlimited = new WeakMap<Located<Resource>, readonly Finding[]>()

function noLimit({ file, document }: Located<Resource>): readonly Finding[] {
  return [
    {
      code: 'not-applied',
      severity: 'warning',
      file,
      document,
      path: ['spec', 'resources', 'cpu'],
      message: 'the localfs driver does not limit CPU',
      remedy: 'leave it out, or use a driver that runs containers',
    },
  ]
}
