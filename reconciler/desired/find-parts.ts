import type { Finding } from './finding.ts'
import type { Located, ResourceIndex } from './index-resources.ts'
import { unknownReference } from './unknown-reference.ts'
import type { InstanceDocument, StackDocument, TeamDocument, TemplateDocument } from '../model/resource.ts'

/** The documents that an instance is made of. */
export interface Parts {
  readonly instance: Located<InstanceDocument>
  readonly team: Located<TeamDocument>
  readonly template?: Located<TemplateDocument>
  readonly stack: Located<StackDocument>
}

type Found<R> = { readonly found: R } | { readonly finding: Finding }

/** Follows the names that an instance, its team and its template give. */
export function findParts(
  instance: Located<InstanceDocument>,
  index: ResourceIndex,
): Parts | { readonly findings: readonly Finding[] } {
  const team = findTeam(instance, index)
  const template = findTemplate(instance, 'found' in team ? team.found : undefined, index)
  if ('finding' in template) return { findings: findingsOf(team, template) }
  // the unknown team may name the template that names the stack
  if ('finding' in team && template.found === undefined) return { findings: findingsOf(team) }
  const stack = findStack(instance, template.found, index)
  if ('finding' in team || 'finding' in stack) return { findings: findingsOf(team, stack) }
  return {
    instance,
    team: team.found,
    stack: stack.found,
    ...(template.found === undefined ? {} : { template: template.found }),
  }
}

function findingsOf(...found: readonly Found<unknown>[]): readonly Finding[] {
  return found.flatMap((part) => ('finding' in part ? [part.finding] : []))
}

function findTeam(instance: Located<InstanceDocument>, index: ResourceIndex): Found<Located<TeamDocument>> {
  const name = instance.resource.spec.team
  const team = index.teams.get(name)
  if (team !== undefined) return { found: team }
  return { finding: unknownReference({ ...instance, path: ['spec', 'team'], kind: 'Team', name }, index) }
}

function findTemplate(
  instance: Located<InstanceDocument>,
  team: Located<TeamDocument> | undefined,
  index: ResourceIndex,
): Found<Located<TemplateDocument> | undefined> {
  const own = instance.resource.spec.template
  const name = own ?? team?.resource.spec.defaults?.template
  if (name === undefined) return { found: undefined }
  const template = index.templates.get(name)
  if (template !== undefined) return { found: template }
  const said =
    own === undefined && team !== undefined
      ? { ...team, path: ['spec', 'defaults', 'template'] }
      : { ...instance, path: ['spec', 'template'] }
  return { finding: unknownReference({ ...said, kind: 'Template', name }, index) }
}

function findStack(
  instance: Located<InstanceDocument>,
  template: Located<TemplateDocument> | undefined,
  index: ResourceIndex,
): Found<Located<StackDocument>> {
  const own = instance.resource.spec.stack
  const name = own ?? template?.resource.spec.stack
  if (name === undefined) return { finding: noStack(instance, index) }
  const stack = index.stacks.get(name)
  if (stack !== undefined) return { found: stack }
  const said = own === undefined && template !== undefined ? template : instance
  return { finding: unknownReference({ ...said, path: ['spec', 'stack'], kind: 'Stack', name }, index) }
}

function noStack(instance: Located<InstanceDocument>, index: ResourceIndex): Finding {
  return {
    code: 'no-stack',
    severity: 'error',
    file: instance.file,
    document: instance.document,
    path: ['spec'],
    message: 'neither the instance nor its template names a stack',
    remedy: `add spec.stack with one of: ${[...index.stacks.keys()].join(', ')}`,
  }
}
