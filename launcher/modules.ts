import { join } from 'node:path'
import { type Modules, namedModules, versionIn } from './package-json.ts'

export interface Declared {
  readonly modules: Modules
  /** Whether what was installed from the editor, or by a deploy, stays beside them. */
  readonly keepsOthers: boolean
}

/** The modules that the userDir's package.json names, with the versions that really lie in node_modules. */
export function installedModules(user: string): Modules {
  const found: Record<string, string> = {}
  for (const name of Object.keys(namedModules(user).all)) {
    const version = versionIn(join(user, 'node_modules'), name)
    if (version !== undefined) found[name] = version
  }
  return found
}

/** Whether something has to be installed or removed: what is named or what lies there is not what is wanted. */
export function modulesDiffer(user: string, declared: Declared): boolean {
  const named = namedModules(user)
  const lying = installedModules(user)
  const wanted = { ...othersIn(user, declared), ...declared.modules }
  if (!same(named.all, wanted) || Object.keys(lying).length !== Object.keys(wanted).length) return true
  return !Object.entries(declared.modules).every(([name, version]) => lying[name] === version)
}

/** What is named, and neither declared now nor when it was installed. */
export function othersIn(user: string, { modules, keepsOthers }: Declared): Modules {
  if (!keepsOthers) return {}
  const { all, declared: before } = namedModules(user)
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => !Object.hasOwn(before, name) && !Object.hasOwn(modules, name)),
  )
}

/** The same names with the same versions. */
export function same(a: Modules, b: Modules): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
