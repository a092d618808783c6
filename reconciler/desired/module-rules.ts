/**
 * Whether rules for packages admit one, as Node-RED judges it (`checkModuleAllowed` of @node-red/registry): of an
 * allowing and a denying rule that both fit, the one whose first `*` comes later counts, then the longer one, then the
 * denying one. Versions in the rules are left out of account.
 */
export function isAdmitted(name: string, allow: readonly string[], deny: readonly string[]): boolean {
  const [allowing, denying] = [firstFit(name, allow), firstFit(name, deny)]
  if (denying === undefined) return true
  if (allowing === undefined) return false
  const [late, early] = [firstWildcard(allowing), firstWildcard(denying)]
  return late === early ? allowing.length > denying.length : late > early
}

/** Whether a rule fits a package. */
export function isNamed(name: string, rules: readonly string[]): boolean {
  return firstFit(name, rules) !== undefined
}

function firstFit(name: string, rules: readonly string[]): string | undefined {
  return rules.map(nameOf).find((rule) => fits(name, rule))
}

/** The rule without its range of versions. */
function nameOf(rule: string): string {
  const at = rule.indexOf('@', 1)
  return at < 0 ? rule : rule.slice(0, at)
}

function fits(name: string, rule: string): boolean {
  const parts = rule.split('*')
  const [first = '', last = ''] = [parts[0], parts.at(-1)]
  if (parts.length === 1) return name === rule
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, from)
    if (found < 0 || found + part.length > name.length - last.length) return false
    from = found + part.length
  }
  return from <= name.length - last.length
}

function firstWildcard(rule: string): number {
  const at = rule.indexOf('*')
  return at < 0 ? Number.POSITIVE_INFINITY : at
}
