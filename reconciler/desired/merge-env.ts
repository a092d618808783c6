import type { Finding } from './finding.ts'
import type { Parts } from './find-parts.ts'
import type { EnvValue, TemplateDocument } from '../model/resource.ts'

/** Variables that change how the linker, the shell, Node.js or Node-RED starts. The launcher refuses them too, whoever sends them. */
const reservedEnv =
  /^(LD_|DYLD_|GLIBC_|GCONV_PATH$|MALLOC_|BASH|ENV$|SHELLOPTS$|IFS$|PS4$|PATH$|HOME$|OPENSSL_|SSLKEYLOGFILE$|npm_config_|__proto__$|NODE_(OPTIONS|PATH|COMPILE_CACHE|DISABLE_COMPILE_CACHE|V8_COVERAGE|REPL_|EXTERNAL_MODULE|DEBUG|CHANNEL|UNIQUE_ID|PENDING|REDIRECT|ICU|USE_ENV|RED_))/i

/** Variables by name: those of the template, and over them those of the instance. */
export function mergeEnv(parts: Parts): {
  readonly env: { readonly [name: string]: EnvValue }
  readonly findings: readonly Finding[]
} {
  const env: Record<string, EnvValue> = {}
  const findings: Finding[] = []
  for (const from of [parts.template, parts.instance]) {
    if (from === undefined) continue
    const seen = new Set<string>()
    for (const [position, entry] of (from.resource.spec.env ?? []).entries()) {
      const wrong = envProblem(entry.name, seen)
      seen.add(entry.name)
      if (wrong === undefined) env[entry.name] = envValue(entry)
      else {
        const path = ['spec', 'env', position, 'name']
        findings.push({ ...wrong, severity: 'error', file: from.file, document: from.document, path })
      }
    }
  }
  return { env, findings }
}

type EnvEntry = NonNullable<TemplateDocument['spec']['env']>[number]

function envValue(entry: EnvEntry): EnvValue {
  return entry.valueFrom === undefined ? { value: entry.value ?? '' } : { secret: entry.valueFrom.secret }
}

function envProblem(
  name: string,
  seen: ReadonlySet<string>,
): Pick<Finding, 'code' | 'message' | 'remedy'> | undefined {
  if (seen.has(name))
    return { code: 'duplicate-env', message: `${name} is named twice`, remedy: 'keep one of them' }
  if (!reservedEnv.test(name)) return undefined
  return {
    code: 'reserved-env',
    message: `${name} is reserved: it could change how Node.js itself starts`,
    remedy: 'choose another name; memory is limited by spec.resources.memory',
  }
}
