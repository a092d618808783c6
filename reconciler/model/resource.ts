import type { Instance as InstanceDocument } from './generated/instance.ts'
import type { Stack as StackDocument } from './generated/stack.ts'
import type { Team as TeamDocument } from './generated/team.ts'
import type { Template as TemplateDocument } from './generated/template.ts'
import type { User as UserDocument } from './generated/user.ts'
import type { Digest } from './digest.ts'
import type { EditorSettings, EndpointSettings, FunctionModules } from './instance-settings.ts'

export type Resource = TeamDocument | UserDocument | StackDocument | TemplateDocument | InstanceDocument
export type Kind = Resource['kind']
export const kinds = ['Team', 'User', 'Stack', 'Template', 'Instance'] as const satisfies readonly Kind[]

export type { InstanceDocument, StackDocument, TeamDocument, TemplateDocument, UserDocument }

export const roles = ['owner', 'member', 'viewer', 'dashboard'] as const
export type Role = (typeof roles)[number]

export const driverNames = ['localfs', 'docker'] as const
export type DriverName = (typeof driverNames)[number]

/** The value of a variable: as declared, or the secret it comes from with a keyed fingerprint of its content. */
export type EnvValue = { readonly value: string } | { readonly secret: string; readonly fingerprint?: string }

/** What a person may do with an instance, and a digest that changes when their password, e-mail address or tokens do. */
export type Access = {
  readonly role: Role | 'admin'
  readonly password?: string
}

/** A file that a manifest names: its path inside the source and the digest of its content in canonical form. */
export interface DeclaredFile {
  readonly path: string
  readonly digest: Digest
}

export interface DeclaredFlows extends DeclaredFile {
  /** Absent: the credentials are those that were entered in the editor. */
  readonly credentials?: DeclaredFile
  /** Absent: a deploy in the editor is put back. */
  readonly onEdit?: 'lock'
}

/**
 * An instance with its Stack, Template and Team folded in: what a driver sees. It holds no secret, and it is plain
 * JSON, so that it can be compared, digested and stored.
 */
export interface ResolvedInstance {
  readonly name: string
  readonly team: string
  readonly driver: DriverName
  readonly state: 'running' | 'stopped'
  readonly stack: { readonly nodeRed: string; readonly node: number; readonly image?: string }
  readonly port?: number
  readonly hostnames: readonly string[]
  readonly resources: { readonly memory?: string; readonly cpu?: string }
  readonly env: { readonly [name: string]: EnvValue }
  readonly modules: { readonly [name: string]: string }
  /** Flows that Git declares; absent: the editor owns them. */
  readonly flows?: DeclaredFlows
  /** The secret that is the key of its credentials, with a keyed fingerprint; absent: it has a key of its own. */
  readonly credentialSecret?: { readonly secret: string; readonly fingerprint?: string }
  readonly editor: EditorSettings & { readonly enabled: boolean; readonly title: string }
  readonly endpoints: EndpointSettings & { readonly access: 'public' | 'basic' | 'members' }
  readonly functionModules?: FunctionModules
  /** Absent: in memory. */
  readonly context?: 'file'
  /** The file's path inside the source; the digest is that of the certificates without what stands between them. */
  readonly certificates?: { readonly path: string; readonly digest: Digest }
  readonly access: { readonly [user: string]: Access }
}
