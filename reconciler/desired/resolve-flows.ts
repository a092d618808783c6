import type { Finding } from './finding.ts'
import type { Parts } from './find-parts.ts'
import { pathInside, type FlowsFile } from './flows-file.ts'
import type { Located } from './index-resources.ts'
import type { InstanceDocument, ResolvedInstance, TemplateDocument } from '../model/resource.ts'

/** The flows file that an instance or its template names, with its digest. */
export function resolveFlows(
  parts: Parts,
  files: ReadonlyMap<string, FlowsFile>,
): { readonly flows?: NonNullable<ResolvedInstance['flows']>; readonly findings: readonly Finding[] } {
  const at = parts.instance.resource.spec.flows === undefined ? parts.template : parts.instance
  const declared = at?.resource.spec.flows
  if (at === undefined || declared === undefined) return { findings: [] }
  const path = pathInside(at.file, declared.path)
  const file = path === undefined ? undefined : files.get(path)
  if (path !== undefined && file?.kind === 'flows')
    return { flows: { path, digest: file.digest }, findings: [] }
  const place = {
    severity: 'error',
    file: at.file,
    document: at.document,
    path: ['spec', 'flows', 'path'],
  } as const
  return { findings: [{ ...place, ...flowsProblem(declared.path, path, file) }] }
}

function flowsProblem(
  declared: string,
  path: string | undefined,
  file: FlowsFile | undefined,
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
      code: 'invalid-flows',
      message: `${shown} is not a flows file: ${file.message}`,
      remedy: 'export the flows from Node-RED as JSON',
    }
  return {
    code: 'path-not-found',
    message: `${shown} names no file (looked for ${path})`,
    remedy: 'check the name; it is relative to this file',
  }
}

/** The path of the flows file that an instance or template names, if it stays inside. */
export function flowsPathOf(
  located: Located<InstanceDocument> | Located<TemplateDocument>,
): string | undefined {
  const path = located.resource.spec.flows?.path
  return path === undefined ? undefined : pathInside(located.file, path)
}
