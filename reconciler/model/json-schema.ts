/** A JSON Schema of an object whose properties are required but for those named as optional. Others are allowed. */
export function objectSchema<P extends Record<string, object>>(
  properties: P,
  optional: readonly (keyof P)[] = [],
) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', required, properties } as const
}
