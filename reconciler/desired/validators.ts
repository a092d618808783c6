import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import * as ajvFormats from 'ajv-formats'
import instance from '../../schemas/instance.schema.json' with { type: 'json' }
import metadata from '../../schemas/metadata.schema.json' with { type: 'json' }
import settings from '../../schemas/settings.schema.json' with { type: 'json' }
import stack from '../../schemas/stack.schema.json' with { type: 'json' }
import team from '../../schemas/team.schema.json' with { type: 'json' }
import template from '../../schemas/template.schema.json' with { type: 'json' }
import user from '../../schemas/user.schema.json' with { type: 'json' }
import { isHostName } from './host-name.ts'
import type { Kind, Resource } from '../model/resource.ts'

export type Validator = (
  value: unknown,
) =>
  | { readonly valid: true; readonly resource: Resource }
  | { readonly valid: false; readonly errors: readonly ErrorObject[] }

/** Compiles the schema of every kind (JSON Schema 2020-12). Costs some 50 ms: make it once. */
export function createValidators(): ReadonlyMap<Kind, Validator> {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true })
  ajvFormats.default.default(ajv)
  ajv.addFormat('hostname', isHostName)
  ajv.addSchema([metadata, settings])
  return new Map<Kind, Validator>([
    ['Team', validator(ajv.compile<Resource>(team))],
    ['User', validator(ajv.compile<Resource>(user))],
    ['Stack', validator(ajv.compile<Resource>(stack))],
    ['Template', validator(ajv.compile<Resource>(template))],
    ['Instance', validator(ajv.compile<Resource>(instance))],
  ])
}

function validator(check: ValidateFunction<Resource>): Validator {
  return (value) =>
    check(value) ? { valid: true, resource: value } : { valid: false, errors: check.errors ?? [] }
}
