import type { Role } from './resource.ts'

/** Node-RED's permissions; `''`: no editor, the flows' HTTP endpoints and dashboards only. */
export type EditorPermissions = '*' | 'read' | ''

/** What somebody may do in an instance, by what Git makes them there. */
export const editorPermissions: { readonly [role in Role | 'admin']: EditorPermissions } = {
  owner: '*',
  member: '*',
  viewer: 'read',
  admin: 'read',
  dashboard: '',
}
