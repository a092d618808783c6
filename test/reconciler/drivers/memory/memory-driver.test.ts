import t from 'tap'
import { createMemoryDriver } from '../../../../reconciler/drivers/memory/memory-driver.ts'
import { createMemoryWorld } from '../../../../reconciler/drivers/memory/memory-world.ts'
import { driverConformance } from '../../../conformance/driver-conformance.ts'
import { makeCredentials, placeInstance } from '../../../support/make-instance.ts'

const world = createMemoryWorld()
let port = 12080

void driverConformance(t, {
  name: 'memory',
  makeDriver: (fleet) => createMemoryDriver({ fleet, world }),
  makeInstance: async ({ fleet, spec, like }) =>
    placeInstance({
      fleet,
      port: like?.port ?? port++,
      ...(like && { uid: like.uid }),
      ...(spec && { spec }),
    }),
  credentials: (instance) => makeCredentials(instance, 'http://127.0.0.1:1'),
  world: {
    count: async (uid) => (world.objects.get(uid)?.alive === true ? 1 : 0),
    snapshot: async () => structuredClone([...world.objects.values()]),
    mark: async (uid) => void world.objects.get(uid)?.data.set('mark', 'here'),
    isMarked: async (uid) => world.objects.get(uid)?.data.has('mark') === true,
    kill: async (uid) => world.kill(uid),
    destroy: async (uid) => world.destroy(uid),
    stopFromWithin: async (uid) => world.kill(uid),
    hang: async (uid, hung) => world.hang(uid, hung),
  },
})
