import type { CertificatesFile } from './certificates-file.ts'
import { exclusiveClaims } from './exclusive-claims.ts'
import type { Finding } from './finding.ts'
import type { Located, ResourceIndex } from './index-resources.ts'
import { findRenames } from './renames.ts'
import type { FlowsFiles } from './resolve-flows.ts'
import { resolveInstance, type Resolution } from './resolve-instance.ts'
import { accessByTeam, type TeamAccess } from './team-access.ts'
import type { Digest } from '../model/digest.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { DriverName, InstanceDocument, Kind, ResolvedInstance } from '../model/resource.ts'

export interface ResolveInput extends FlowsFiles {
  readonly index: ResourceIndex
  readonly certificates: ReadonlyMap<string, CertificatesFile>
  readonly defaultDriver: DriverName
  readonly drivers: ReadonlySet<DriverName> | undefined
}

export type Resolved = Pick<
  DesiredState,
  | 'teams'
  | 'users'
  | 'invalidUsers'
  | 'invalidTeams'
  | 'instances'
  | 'renames'
  | 'held'
  | 'flows'
  | 'credentials'
  | 'certificates'
> & {
  readonly findings: readonly Finding[]
}

/** From valid documents to what is to run: references followed, names and ports checked against each other. */
export function resolve(input: ResolveInput): Resolved {
  const { index, flows, credentials, certificates, defaultDriver, drivers } = input
  const access = accessByTeam(index)
  const resolutions = new Map(
    [...index.instances].map(([name, located]) => [
      name,
      resolveInstance(located, {
        index,
        files: { flows, credentials },
        certificates,
        defaultDriver,
        drivers,
        access,
      }),
    ]),
  )
  const { renames, findings: renameFindings } = findRenames(index)
  const clashes = exclusiveClaims(claimants(index, resolutions))
  const findings = [...resolutions].flatMap(([name, { findings }]) => [
    ...findings,
    ...(clashes.get(name) ?? []),
    ...[renameFindings.get(name) ?? []].flat(),
  ])
  const held = heldBy(index, findings)
  const instances = accepted(resolutions, held)
  return {
    teams: plain(index.teams),
    users: plain(index.users),
    invalidUsers: invalidOnly(index, 'User', index.users),
    invalidTeams: invalidOnly(index, 'Team', index.teams),
    instances,
    renames,
    held,
    flows: textsByDigest(flows),
    credentials: textsByDigest(credentials),
    certificates: certificatesByDigest(certificates),
    findings: unique([...index.findings, ...teamFindings(access), ...findings]),
  }
}

function invalidOnly(
  { invalid }: ResourceIndex,
  kind: Kind,
  valid: ReadonlyMap<string, unknown>,
): ReadonlySet<string> {
  return new Set([...(invalid.get(kind)?.keys() ?? [])].filter((name) => !valid.has(name)))
}

function claimants(
  index: ResourceIndex,
  resolutions: ReadonlyMap<string, Resolution>,
): readonly { located: Located<InstanceDocument>; resolved: ResolvedInstance }[] {
  return [...index.instances].flatMap(([name, located]) => {
    const resolved = resolutions.get(name)?.resolved
    return resolved === undefined ? [] : [{ located, resolved }]
  })
}

/** Every instance that something is wrong with: it is left as it is, and so is a declared one that it claims to have been. */
function heldBy(index: ResourceIndex, findings: readonly Finding[]): ReadonlyMap<string, string> {
  const held = new Map<string, string>()
  for (const name of index.invalid.get('Instance')?.keys() ?? []) held.set(name, 'its manifest is invalid')
  const byPlace = new Map(
    findings.filter(({ severity }) => severity === 'error').map((finding) => [placeOf(finding), finding]),
  )
  for (const [name, located] of index.instances) {
    const finding = byPlace.get(placeOf(located))
    if (finding !== undefined) hold(held, located, finding.message, index)
    else if (!held.has(name) && byPlace.size > 0) holdForTemplate(held, located, byPlace, index)
  }
  return held
}

function hold(
  held: Map<string, string>,
  { resource }: Located<InstanceDocument>,
  why: string,
  index: ResourceIndex,
): void {
  const { name, previously } = resource.metadata
  held.set(name, why)
  if (previously !== undefined && index.instances.has(previously) && !held.has(previously))
    held.set(previously, `"${name}" says that it was "${previously}" before`)
}

/** A mistake that stands in a Template or Team holds every instance that uses it. */
function holdForTemplate(
  held: Map<string, string>,
  located: Located<InstanceDocument>,
  byPlace: ReadonlyMap<string, Finding>,
  index: ResourceIndex,
): void {
  const team = index.teams.get(located.resource.spec.team)
  const name = located.resource.spec.template ?? team?.resource.spec.defaults?.template
  const template = name === undefined ? undefined : index.templates.get(name)
  const finding = [team, template].flatMap((part) =>
    part === undefined ? [] : (byPlace.get(placeOf(part)) ?? []),
  )[0]
  if (finding !== undefined) hold(held, located, finding.message, index)
}

function placeOf({ file, document }: { readonly file?: string; readonly document?: number }): string {
  return `${file ?? ''}\n${document ?? 0}`
}

function accepted(
  resolutions: ReadonlyMap<string, Resolution>,
  held: ReadonlyMap<string, string>,
): ReadonlyMap<string, ResolvedInstance> {
  const instances = new Map<string, ResolvedInstance>()
  for (const [name, { resolved }] of resolutions)
    if (resolved !== undefined && !held.has(name)) instances.set(name, resolved)
  return instances
}

function plain<R>(located: ReadonlyMap<string, { readonly resource: R }>): ReadonlyMap<string, R> {
  return new Map([...located].map(([name, { resource }]) => [name, resource]))
}

function textsByDigest(files: FlowsFiles['flows'] | FlowsFiles['credentials']): ReadonlyMap<Digest, string> {
  return new Map(
    [...files.values()].flatMap((file) => (file.kind === 'invalid' ? [] : [[file.digest, file.text]])),
  )
}

function certificatesByDigest(files: ReadonlyMap<string, CertificatesFile>): ReadonlyMap<Digest, string> {
  return new Map(
    [...files.values()].flatMap((file) => (file.kind === 'certificates' ? [[file.digest, file.text]] : [])),
  )
}

function teamFindings(access: ReadonlyMap<string, TeamAccess>): readonly Finding[] {
  return [...access.values()].flatMap(({ findings }) => findings)
}

/** A mistake in a template is found once per instance that uses it, and told once. */
function unique(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Map([...new Set(findings)].map((finding) => [JSON.stringify(finding), finding]))
  return [...seen.values()]
}
