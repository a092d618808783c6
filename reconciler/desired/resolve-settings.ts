import type { Finding, Path } from './finding.ts'
import type { Parts } from './find-parts.ts'
import type { Located } from './index-resources.ts'
import { isAdmitted, isNamed } from './module-rules.ts'
import { defined } from '../model/defined.ts'
import type { InstanceDocument, ResolvedInstance, TemplateDocument } from '../model/resource.ts'

type Settings = TemplateDocument['spec']
type Declared = Pick<Settings, 'editor' | 'endpoints' | 'functionModules' | 'context'>
type Merged = Declared & Required<Pick<Declared, 'editor' | 'endpoints'>>

/** What a template and an instance say of editor, endpoints and function nodes: maps merge, lists replace, the instance wins. */
export function mergeDeclared(template: Settings, own: Settings): Merged {
  return defined({
    editor: mergeEditor(template.editor ?? {}, own.editor ?? {}),
    endpoints: defined({
      ...template.endpoints,
      ...own.endpoints,
      cors: mergeMaps(template.endpoints?.cors, own.endpoints?.cors),
    }),
    functionModules: mergeMaps(template.functionModules, own.functionModules),
    context: own.context ?? template.context,
  })
}

type Editor = Merged['editor']

function mergeEditor(template: Editor, own: Editor): Editor {
  const codeEditor = mergeMaps(template.codeEditor, own.codeEditor)
  const options = mergeMaps(template.codeEditor?.options, own.codeEditor?.options)
  return defined({
    ...template,
    ...own,
    header: mergeMaps(template.header, own.header),
    palette: mergeMaps(template.palette, own.palette),
    codeEditor: codeEditor === undefined ? undefined : orNothing(defined({ ...codeEditor, options })),
  })
}

function mergeMaps<T extends object>(below: T | undefined, above: T | undefined): T | undefined {
  if (below === undefined) return orNothing(above)
  return above === undefined ? orNothing(below) : orNothing({ ...below, ...above })
}

/** An empty map says nothing. */
function orNothing<T extends object>(map: T | undefined): T | undefined {
  return map === undefined || Object.keys(map).length === 0 ? undefined : map
}

/** The part of a resolved instance that this is. What stands for nothing is left out, so that it changes no digest. */
export function resolveDeclared(
  { editor, endpoints, functionModules, context }: Merged,
  name: string,
): Pick<ResolvedInstance, 'editor' | 'endpoints' | 'functionModules' | 'context'> {
  return defined({
    editor: { enabled: true, title: name, ...editor },
    endpoints: { access: 'public' as const, ...endpoints },
    functionModules: orNothing(functionModules),
    context: context === 'file' ? context : undefined,
  })
}

/** What contradicts itself once it is put together. */
export function settingsFindings(
  parts: Parts,
  merged: Merged & Pick<Settings, 'modules'>,
): readonly Finding[] {
  const { cors } = merged.endpoints
  const open = cors?.credentials === true && cors.origins.includes('*')
  return [...deniedModules(parts, merged), ...(open ? [openCors(parts)] : [])]
}

/** Modules that are declared and would never be loaded. One that only function nodes use need not be. */
function deniedModules(
  parts: Parts,
  { modules = {}, editor, functionModules }: Merged & Pick<Settings, 'modules'>,
): readonly Finding[] {
  const { allow = ['*'], deny = [] } = editor.palette ?? {}
  const { allow: usable = [], deny: unusable = [] } = functionModules ?? {}
  // whether a rule with a range of versions fits is for Node-RED to say
  const denied = deny.filter((rule) => rule.indexOf('@', 1) < 0)
  const used = (name: string) => isNamed(name, usable) && isAdmitted(name, usable, unusable)
  return Object.keys(modules)
    .filter((name) => !isAdmitted(name, allow, denied) && !used(name))
    .map((name) => ({
      ...placeOf(parts, ['modules', name], (spec) => Object.hasOwn(spec.modules ?? {}, name)),
      code: 'contradiction',
      severity: 'error',
      message: `${name} is declared, and editor.palette.deny keeps it from being loaded`,
      remedy: 'take it out of the modules, or allow it by an entry that is more exact',
    }))
}

function openCors(parts: Parts): Finding {
  return {
    ...placeOf(
      parts,
      ['endpoints', 'cors', 'credentials'],
      (spec) => spec.endpoints?.cors?.credentials !== undefined,
    ),
    code: 'contradiction',
    severity: 'error',
    message: 'every page of the world could act with the cookies and passwords of whoever visits it',
    remedy: 'list the origins instead of *, or leave credentials out',
  }
}

/** Where something stands: in the instance if it says it, in the template otherwise. */
function placeOf(
  { instance, template }: Parts,
  path: Path,
  says: (spec: Settings) => boolean,
): Pick<Finding, 'file' | 'document' | 'path'> {
  const at: Located<InstanceDocument | TemplateDocument> =
    template === undefined || says(instance.resource.spec) ? instance : template
  return { file: at.file, document: at.document, path: ['spec', ...path] }
}
