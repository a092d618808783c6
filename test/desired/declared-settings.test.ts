import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseCertificates } from '../../reconciler/desired/certificates-file.ts'
import { createDesiredLoader } from '../../reconciler/desired/load-desired.ts'
import { isAdmitted } from '../../reconciler/desired/module-rules.ts'
import { createValidators } from '../../reconciler/desired/validators.ts'
import { digestOf } from '../../reconciler/model/digest.ts'
import { snapshotOf } from '../support/memory-files.ts'

const folder = join(import.meta.dirname, '../../fixtures/certificates')
const authority = readFileSync(join(folder, 'authority.pem'), 'utf8')
const key = readFileSync(join(folder, 'server-key.pem'), 'utf8')

const platform = `apiVersion: weir/v1
kind: Stack
metadata: { name: red }
spec: { nodeRed: 5.0.7 }
---
apiVersion: weir/v1
kind: Team
metadata: { name: assembly }
spec: { defaults: { template: plant } }
---
apiVersion: weir/v1
kind: Template
metadata: { name: plant }
`
const instance = (name: string, spec: string): string =>
  `---\napiVersion: weir/v1\nkind: Instance\nmetadata: { name: ${name} }\nspec: { team: assembly, ${spec} }\n`

async function load(template: string, spec: string, more: Readonly<Record<string, string>> = {}) {
  const loader = createDesiredLoader({ validators: createValidators(), defaultDriver: 'localfs' })
  const files = {
    'fleet/a.yaml': `${platform}spec: { stack: red, ${template} }\n${instance('press', spec)}`,
    ...more,
  }
  return loader.load(snapshotOf(files), AbortSignal.timeout(60_000))
}

t.test('maps merge, lists replace, and the instance wins', async (t) => {
  const { instances, diagnostics } = await load(
    `editor: { tours: false, header: { title: A, url: "https://a.example.com" }, palette: { allow: [a, b], allowInstall: true }, codeEditor: { library: ace, options: { x: 1, y: 2 } } }, endpoints: { bodyLimit: 5Mi, cors: { origins: ["https://a.example.com"], maxAge: 5 }, static: [{ path: a, root: /a }] }, functionModules: { allow: [os] }, context: file`,
    `editor: { header: { title: B }, palette: { allow: [c] }, codeEditor: { options: { y: 3 } } }, endpoints: { cors: { origins: ["*"] }, static: [{ path: b, root: /b }] }, functionModules: { allowInstall: true }`,
  )
  t.strictSame(diagnostics, [])
  t.match(instances.get('press'), {
    editor: {
      enabled: true,
      title: 'press',
      tours: false,
      header: { title: 'B', url: 'https://a.example.com' },
      palette: { allow: ['c'], allowInstall: true },
      codeEditor: { library: 'ace', options: { x: 1, y: 3 } },
    },
    endpoints: {
      access: 'public',
      bodyLimit: '5Mi',
      cors: { origins: ['*'], maxAge: 5 },
      static: [{ path: 'b', root: '/b' }],
    },
    functionModules: { allow: ['os'], allowInstall: true },
    context: 'file',
  })
})

t.test('what says nothing changes no digest', async (t) => {
  const plain = (await load('state: running', 'state: running')).instances.get('press')
  const empty =
    'editor: { header: {}, palette: {}, codeEditor: { options: {} } }, functionModules: {}, context: memory'
  const same = (await load(empty, empty)).instances.get('press')
  t.equal(digestOf(plain ?? {}), digestOf(same ?? {}))
})

t.test('certificates are named like flows, and known by what they are', async (t) => {
  const declared = 'certificates: { path: ../certs/plant.pem }'
  const one = await load(declared, 'state: running', { 'certs/plant.pem': `the plant's own\n${authority}` })
  t.strictSame(one.diagnostics, [])
  const { path, digest = '' } = one.instances.get('press')?.certificates ?? {}
  t.equal(path, 'certs/plant.pem')
  t.equal(one.certificates.get(digest), authority)
  const other = await load(declared, 'state: running', {
    'certs/plant.pem': authority.replaceAll('\n', '\r\n'),
  })
  t.equal(other.instances.get('press')?.certificates?.digest, digest)

  for (const [text, message] of [
    ['', /holds no certificate/],
    [`${authority}${key}`, /private key/],
    [authority.slice(0, 200), /not a whole certificate/],
    [authority + authority.replace(/MII/, 'AAA'), /certificate 2 of 2 cannot be parsed/],
    ['x'.repeat(300_000), /at most 262144/],
  ] as const) {
    t.match(parseCertificates(Buffer.from(text)), { kind: 'invalid', message })
    const { diagnostics, held } = await load(declared, 'state: running', { 'certs/plant.pem': text })
    t.match(diagnostics[0], { code: 'invalid-certificates', at: { file: 'fleet/a.yaml' }, message })
    t.ok(held.has('press'))
    t.notMatch(JSON.stringify(diagnostics), key.split('\n')[1] ?? 'key')
  }
})

t.test('rules for packages are judged as Node-RED judges them', async (t) => {
  t.ok(isAdmitted('a', ['*'], []))
  t.notOk(isAdmitted('a', ['*'], ['a']))
  t.notOk(isAdmitted('node-red-x', ['*'], ['node-red-*']))
  t.ok(isAdmitted('node-red-x', ['node-red-x'], ['node-red-*']))
  t.notOk(isAdmitted('node-red-x', ['node-red-*'], ['node-red-x']))
  t.notOk(isAdmitted('b', ['a'], ['*']))
  t.ok(isAdmitted('@plant/x', ['@plant/*'], ['*']))
  t.ok(isAdmitted('b', ['a'], []))
  t.ok(isAdmitted('a-b-c', ['a*b*c'], ['*']))
  t.notOk(isAdmitted('ab', ['ab*b'], ['*']))
})
