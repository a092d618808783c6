import { hashPassword } from '../reconciler/identity/passwords.ts'
import { editorSession } from '../test/support/editor-session.ts'
import { freePortPair } from '../test/support/free-port.ts'
import { endProcess, startBare, untilAnswers } from './node-red.ts'
import { inTurns, quantile } from './samples.ts'
import { prepareFleet, untilRunning } from './served-fleet.ts'
import type { Row } from './workbench.ts'

const deploys = 200
const nodes = 500
const name = 'deployed'
const password = 'password of olga'

/** A deploy is stored when Node-RED answers it: ours answers when the store has it, the bare one when its file is written. */
export const deployRow: Row = {
  name: 'deploy',
  measure: async (bench) => {
    const served = await prepareFleet(bench)
    const port = await freePortPair()
    await served.fleet.write({ 'deploy.yaml': await manifests(port) })
    await served.fleet.commit('Declare somebody and an instance')
    const reconciler = served.serve()
    await untilRunning(served, name)
    const token = await editorSession(`http://127.0.0.1:${port}/`, 'olga', password)
    if (token === undefined) throw new Error('nobody is signed in')
    const bare = await startBare(await bench.folder('bare'))
    bench.atEnd(async () => endProcess(bare.process))
    await untilAnswers(bare.port)
    const { ours, limit } = await inTurns(
      deploys,
      turns(port, { authorization: `Bearer ${token}` }),
      turns(bare.port, {}),
    )
    await endProcess(bare.process)
    await endProcess(reconciler)
    const note = `${deploys} deploys of ${nodes} nodes, full, one node changed, in turns with the other; served by a reconciler`
    return [0.5, 0.99].map((rank) => ({
      row: 'deploy',
      what: `deploy to stored, p${rank * 100}`,
      unit: 'ms',
      ours: quantile(ours, rank),
      samples: ours,
      against: { what: 'bare Node-RED', value: quantile(limit, rank), samples: limit },
      target: rank === 0.99 ? { kind: 'ratio', ratio: 1, plus: 30 } : { kind: 'told' },
      note,
    }))
  },
}

/** An instance whose editor owns the flows, and somebody who may deploy there. */
async function manifests(port: number): Promise<string> {
  return `apiVersion: weir/v1
kind: User
metadata: { name: olga }
spec: { displayName: Olga, email: olga@example.com, passwordHash: '${await hashPassword(password)}' }
---
apiVersion: weir/v1
kind: Team
metadata: { name: authors }
spec: { displayName: Authors, members: [{ user: olga, role: owner }] }
---
apiVersion: weir/v1
kind: Instance
metadata: { name: ${name} }
spec: { team: authors, stack: node-red, port: ${port} }
`
}

/** Deploys as the editor does. Returns how long it took, in milliseconds. */
function turns(port: number, headers: Readonly<Record<string, string>>): () => Promise<number> {
  let turn = 0
  return async () => {
    turn += 1
    const body = JSON.stringify({ flows: flows(turn) })
    const started = performance.now()
    const response = await fetch(`http://127.0.0.1:${port}/flows`, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        'node-red-api-version': 'v2',
        'node-red-deployment-type': 'full',
      },
      body,
    })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`a deploy was answered ${response.status}`)
    return performance.now() - started
  }
}

function flows(turn: number): readonly object[] {
  const changes = Array.from({ length: nodes - 1 }, (_, index) => ({
    id: `node-${index}`,
    type: 'change',
    z: 'tab',
    name: index === 0 ? `turn ${turn}` : `node ${index}`,
    rules: [{ t: 'set', p: 'payload', pt: 'msg', to: `value ${index}`, tot: 'str' }],
    x: 100 + (index % 20) * 100,
    y: 100 + Math.floor(index / 20) * 40,
    wires: [[`node-${index + 1}`]],
  }))
  return [{ id: 'tab', type: 'tab', label: 'Five hundred nodes' }, ...changes]
}
