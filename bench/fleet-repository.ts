import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** How large a fleet is to be. */
export interface FleetSize {
  readonly instances: number
  readonly teams: number
  readonly users: number
}

const versions = ['5.0.7', '5.0.6', '5.0.5']
const roles = ['owner', 'member', 'viewer', 'dashboard']
const memories = ['256Mi', '384Mi', '512Mi', '1Gi']
const sites = ['berlin', 'graz', 'lyon', 'porto', 'turin']

/**
 * Writes the manifests of a plausible factory fleet into a folder: one file an instance (`teams/<team>/<instance>.yaml`), one a team
 * and a user, three stacks and three templates. The same size gives the same bytes.
 */
export async function writeFleet(directory: string, { instances, teams, users }: FleetSize): Promise<void> {
  await mkdir(join(directory, 'platform'), { recursive: true })
  await mkdir(join(directory, 'users'), { recursive: true })
  await writeFile(join(directory, 'platform/stacks.yaml'), versions.map(stack).join('---\n'))
  await writeFile(join(directory, 'platform/templates.yaml'), versions.map(template).join('---\n'))
  for (let index = 0; index < users; index += 1)
    await writeFile(join(directory, `users/user-${index}.yaml`), user(index))
  for (let index = 0; index < teams; index += 1) {
    await mkdir(join(directory, `teams/team-${index}`), { recursive: true })
    await writeFile(join(directory, `teams/team-${index}/team.yaml`), team(index, users))
  }
  for (let index = 0; index < instances; index += 1)
    await writeFile(join(directory, instancePath(index, teams)), instance(index, teams))
}

/** The file of an instance, relative to the folder of the fleet. */
export function instancePath(index: number, teams: number): string {
  return `teams/team-${index % teams}/line-${index}.yaml`
}

/** The manifest of an instance. Its variable REVISION is there to be changed. */
export function instance(index: number, teams: number): string {
  return `# yaml-language-server: $schema=https://weir.example/schemas/instance.schema.json
apiVersion: weir/v1
kind: Instance
metadata:
  name: line-${index}
  labels:
    site: ${pick(sites, index)}
    owner: team-${index % teams}
spec:
  team: team-${index % teams}
  template: template-${(index * 7) % versions.length}
  hostname: line-${index}.example.com
  resources:
    memory: ${pick(memories, index >> 2)}
  env:
    - name: PLC_HOST
      value: 10.${(index >> 16) % 256}.${(index >> 8) % 256}.${index % 256}
    - name: SITE
      value: ${pick(sites, index)}
    - name: REVISION
      value: '0'
    - name: API_KEY
      valueFrom:
        secret: line-${index}-api-key
  editor:
    timeZone: Europe/Berlin
`
}

function pick(values: readonly string[], index: number): string {
  return values[index % values.length] ?? ''
}

function stack(version: string, index: number): string {
  return `apiVersion: weir/v1
kind: Stack
metadata: { name: stack-${index} }
spec: { nodeRed: ${version}, node: 24, image: 'weir/node-red:${version}' }
`
}

function template(_version: string, index: number): string {
  return `apiVersion: weir/v1
kind: Template
metadata: { name: template-${index} }
spec:
  stack: stack-${index}
  resources: { memory: 256Mi, cpu: 500m }
  env:
    - { name: SITE, value: unknown }
    - { name: LOG_LEVEL, value: ${index === 0 ? 'info' : 'warn'} }
  modules: { node-red-contrib-cron-plus: 2.1.0 }
  endpoints: { access: members }
`
}

function team(index: number, users: number): string {
  const members = Array.from({ length: Math.min(8, users) }, (_, member) => (index * 5 + member) % users)
  const lines = [...new Set(members)].map(
    (member, place) => `    - { user: user-${member}, role: ${place === 0 ? 'owner' : pick(roles, place)} }`,
  )
  return `apiVersion: weir/v1
kind: Team
metadata: { name: team-${index} }
spec:
  displayName: Team ${index}
  members:
${lines.join('\n')}
  defaults: { template: template-0 }
`
}

function user(index: number): string {
  return `apiVersion: weir/v1
kind: User
metadata: { name: user-${index} }
spec:
  displayName: User ${index}
  email: user-${index}@example.com
  passwordHash: $2b$12$${'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ./'.slice(0, 53)}
  admin: ${index === 0}
`
}
