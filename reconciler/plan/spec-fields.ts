import type { Fields } from '../model/fields.ts'
import type { Json } from '../model/json.ts'
import type { DeclaredFlows, ResolvedInstance } from '../model/resource.ts'

/**
 * A resolved instance as facts by dotted path (`env.SITE`, `access.alice`), with the entries of a map each a fact of
 * their own. The name is left out: a rename is no change of the instance.
 */
export function specFields(spec: ResolvedInstance): Fields {
  const {
    name: _,
    env,
    modules,
    access,
    stack,
    resources,
    editor,
    endpoints,
    flows,
    credentialSecret,
    ...plain
  } = spec
  const fields: Record<string, Json> = { ...plain }
  add(fields, 'stack', stack)
  add(fields, 'resources', resources)
  add(fields, 'editor', editor)
  add(fields, 'endpoints', endpoints)
  if (flows !== undefined) addFlows(fields, flows)
  if (credentialSecret !== undefined) fields['flows.credentialSecret'] = credentialSecret
  add(fields, 'env', env)
  add(fields, 'modules', modules)
  add(fields, 'access', access)
  return fields
}

function addFlows(fields: Record<string, Json>, { credentials, ...flows }: DeclaredFlows): void {
  add(fields, 'flows', flows)
  if (credentials !== undefined) add(fields, 'flows.credentials', credentials)
}

function add<T extends object>(
  fields: Record<string, Json>,
  prefix: string,
  map: T & { readonly [K in keyof T]: Json | undefined },
): void {
  const entries: readonly (readonly [string, Json | undefined])[] = Object.entries(map)
  for (const [key, value] of entries) if (value !== undefined) fields[`${prefix}.${key}`] = value
}
