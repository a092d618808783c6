import type { Json } from './json.ts'

/** Facts about an instance by dotted path, such as `state` or `modules.node-red-contrib-x`. */
export type Fields = { readonly [path: string]: Json }
