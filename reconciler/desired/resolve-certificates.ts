import type { CertificatesFile } from './certificates-file.ts'
import type { Finding } from './finding.ts'
import type { Parts } from './find-parts.ts'
import { pathInside } from './flows-file.ts'
import type { Located } from './index-resources.ts'
import type { InstanceDocument, ResolvedInstance, TemplateDocument } from '../model/resource.ts'

/** The file of certificates that an instance or its template names, with its digest. */
export function resolveCertificates(
  parts: Parts,
  files: ReadonlyMap<string, CertificatesFile>,
): {
  readonly certificates?: NonNullable<ResolvedInstance['certificates']>
  readonly findings: readonly Finding[]
} {
  const at = parts.instance.resource.spec.certificates === undefined ? parts.template : parts.instance
  const declared = at?.resource.spec.certificates
  if (at === undefined || declared === undefined) return { findings: [] }
  const path = pathInside(at.file, declared.path)
  const file = path === undefined ? undefined : files.get(path)
  if (path !== undefined && file?.kind === 'certificates')
    return { certificates: { path, digest: file.digest }, findings: [] }
  const place = {
    severity: 'error',
    file: at.file,
    document: at.document,
    path: ['spec', 'certificates', 'path'],
  } as const
  return { findings: [{ ...place, ...problem(declared.path, path, file) }] }
}

function problem(
  declared: string,
  path: string | undefined,
  file: CertificatesFile | undefined,
): Pick<Finding, 'code' | 'message' | 'remedy'> {
  const shown = JSON.stringify(declared)
  if (path === undefined)
    return {
      code: 'path-outside',
      message: `${shown} leads out of the source`,
      remedy: 'name a file inside it, relative to this one',
    }
  if (file?.kind === 'invalid')
    return {
      code: 'invalid-certificates',
      message: `${shown} is not a file of certificates: ${file.message}`,
      remedy:
        'put the certificates of the authorities there in PEM form, one after the other, and nothing else',
    }
  return {
    code: 'path-not-found',
    message: `${shown} names no file (looked for ${path})`,
    remedy: 'check the name; it is relative to this file',
  }
}

/** The path of the file of certificates that an instance or template names, if it stays inside. */
export function certificatesPathOf(
  located: Located<InstanceDocument> | Located<TemplateDocument>,
): string | undefined {
  const path = located.resource.spec.certificates?.path
  return path === undefined ? undefined : pathInside(located.file, path)
}
