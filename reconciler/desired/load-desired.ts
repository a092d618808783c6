import { createBlobCache, type BlobCache, type File, type Reader } from './blob-cache.ts'
import { parseCertificates, type CertificatesFile } from './certificates-file.ts'
import { parseCredentials, type CredentialsFile } from './credentials-file.ts'
import { certificatesPathOf } from './resolve-certificates.ts'
import { pathNamedBy } from './resolve-flows.ts'
import { parseFlows, type FlowsFile } from './flows-file.ts'
import { indexResources, type Located, type ResourceIndex, type UnreadFile } from './index-resources.ts'
import { keepPeople, nobodyKnown } from './known-people.ts'
import { locate } from './locate.ts'
import { parseSafely, type ParsedFile } from './parse-file.ts'
import { resolve } from './resolve.ts'
import type { Finding } from './finding.ts'
import type { Validator } from './validators.ts'
import type { DesiredState } from '../model/desired-state.ts'
import type { DriverName, InstanceDocument, Kind, TemplateDocument } from '../model/resource.ts'
import type { Revision } from '../model/revision.ts'

type SkipReason = 'symlink-outside' | 'not-a-file' | 'file-too-large'

/** The part of a source's snapshot that is read here. */
export interface Files extends Reader {
  readonly revision: Revision
  readonly files: readonly File[]
  readonly skipped: readonly { readonly path: string; readonly reason: SkipReason }[]
}

export interface DesiredLoader {
  /** What the files declare. Mistakes are in the diagnostics; only the source itself can fail. */
  load(files: Files, signal: AbortSignal): Promise<DesiredState>
}

/** Larger than any manifest a person writes; a generator splits its output. In bytes. */
const maxManifestSize = 2 * 1024 * 1024

/**
 * Reads manifests. What a file says is kept by its blob id, so that a new revision costs only what it changed, and the
 * same revision costs nothing.
 */
export function createDesiredLoader(options: {
  readonly validators: ReadonlyMap<Kind, Validator>
  readonly defaultDriver: DriverName
  /** Absent: it is not known which there are, and none is missed. */
  readonly drivers?: ReadonlySet<DriverName>
}): DesiredLoader {
  const manifests = createBlobCache((bytes) => parseSafely(bytes, options.validators))
  const flows = createBlobCache(parseFlows)
  const credentials = createBlobCache(parseCredentials)
  const contents = createBlobCache((bytes) => bytes)
  const certificates = createBlobCache(parseCertificates)
  let last: { readonly files: Files; readonly desired: DesiredState } | undefined
  let people = nobodyKnown
  return {
    load: async (files, signal) => {
      if (last?.files === files) return last.desired
      const declared = indexResources(await readManifests(files, manifests, signal))
      const paths = new Set(files.files.map(({ path }) => path))
      const all = { unread: unreadIn(files, declared), has: (path: string) => paths.has(path) }
      const { index, known, unread } = keepPeople(declared, people, all)
      // A source without resources is a mistake: nothing of it comes into force.
      if (index.declared > 0) people = known
      const named = namedFiles(index, files, (document) => pathNamedBy(document, 'path'))
      const secret = namedFiles(index, files, (document) => pathNamedBy(document, 'credentials'))
      const trusted = namedFiles(index, files, certificatesPathOf)
      const { findings: found, ...state } = resolve({
        index,
        flows: new Map([...(await flows(named.files, files, signal)), ...named.large]),
        credentials: new Map([...(await credentials(secret.files, files, signal)), ...secret.large]),
        certificates: new Map([...(await certificates(trusted.files, files, signal)), ...trusted.large]),
        defaultDriver: options.defaultDriver,
        drivers: options.drivers,
      })
      const findings = [...skippedFindings(files), ...emptyFindings(index), ...found]
      const desired: DesiredState = {
        ...state,
        revision: files.revision,
        unread,
        complete: unread.files.length === 0 && index.declared > 0,
        diagnostics: locate(findings, await contents(namedIn(files, findings), files, signal)),
      }
      last = { files, desired }
      return desired
    },
  }
}

function unreadIn({ skipped }: Files, { unread }: ResourceIndex): readonly UnreadFile[] {
  return [...unread, ...skipped.filter(mayHoldManifests).map(({ path }) => ({ path }))]
}

async function readManifests(
  files: Files,
  cache: BlobCache<ParsedFile>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ParsedFile>> {
  const manifests = files.files.filter(({ path }) => isManifest(path))
  const large = manifests.filter(({ size }) => size > maxManifestSize)
  const parsed = await cache(
    manifests.filter(({ size }) => size <= maxManifestSize),
    files,
    signal,
  )
  return new Map([...parsed, ...large.map((file) => [file.path, tooLarge(file)] as const)])
}

/** Hidden files and folders, such as those of a forge's CI, hold no manifests. */
function isManifest(path: string): boolean {
  return /\.ya?ml$/.test(path) && !isHidden(path)
}

function isHidden(path: string): boolean {
  return /(^|\/)\./.test(path)
}

function tooLarge({ size }: File): ParsedFile {
  const finding: Finding = {
    code: 'file-too-large',
    severity: 'error',
    message: `the file has ${size} bytes; a manifest has at most ${maxManifestSize}`,
    remedy: 'split it: any number of files is read',
  }
  return { documents: [], findings: [finding], legible: false }
}

interface NamedFiles {
  readonly files: readonly File[]
  /** Those that the source did not read. */
  readonly large: ReadonlyMap<
    string,
    (FlowsFile | CredentialsFile | CertificatesFile) & { readonly kind: 'invalid' }
  >
}

/** The files that manifests name. */
function namedFiles(
  index: ResourceIndex,
  files: Files,
  pathOf: (document: Located<InstanceDocument> | Located<TemplateDocument>) => string | undefined,
): NamedFiles {
  const documents = [...index.instances.values(), ...index.templates.values()]
  const named = new Set(documents.map(pathOf))
  const large = files.skipped.filter(({ path, reason }) => reason === 'file-too-large' && named.has(path))
  return {
    files: files.files.filter(({ path }) => named.has(path)),
    large: new Map(
      large.map(({ path }) => [path, { kind: 'invalid', message: 'it is larger than the limit' }]),
    ),
  }
}

const skippedTexts: { readonly [reason in SkipReason]: Pick<Finding, 'code' | 'message' | 'remedy'> } = {
  'symlink-outside': {
    code: 'symlink-outside',
    message: 'the symbolic link leads out of the source',
    remedy: 'copy the file into the source',
  },
  'file-too-large': {
    code: 'file-too-large',
    message: 'the file is larger than the limit and was not read',
    remedy: 'split it: any number of files is read',
  },
  'not-a-file': {
    code: 'path-not-found',
    message: 'manifests may be meant to stand here, but it is a broken link, a submodule or a device',
    remedy: 'put the manifests themselves there, or begin its name with a dot',
  },
}

/** A manifest, or what may have been a folder of manifests: a link that leads nowhere, a submodule. */
function mayHoldManifests({ path, reason }: Files['skipped'][number]): boolean {
  return isManifest(path) || (reason !== 'file-too-large' && !isHidden(path) && !/\.\w+$/.test(path))
}

/** Only what could have held manifests is worth a word. */
function skippedFindings(files: Files): readonly Finding[] {
  return files.skipped
    .filter(mayHoldManifests)
    .map(({ path, reason }) => ({ ...skippedTexts[reason], severity: 'error', file: path }))
}

function emptyFindings(index: ResourceIndex): readonly Finding[] {
  if (index.declared > 0) return []
  return [
    {
      code: 'no-resources',
      severity: 'error',
      message: 'the source holds no resources, so nothing is changed',
      remedy: 'check the branch and the path; to remove everything, keep one Team and remove its instances',
    },
  ]
}

/** The files whose text must be looked into to tell where a mistake stands. */
function namedIn({ files }: Files, findings: readonly Finding[]): readonly File[] {
  const named = new Set(
    findings.flatMap(({ file, path, position }) =>
      file !== undefined && path !== undefined && position === undefined ? [file] : [],
    ),
  )
  return files.filter(({ path }) => named.has(path))
}
