import t from 'tap'
import { withoutDocker } from '../../../engines/docker.ts'
import { docker } from '../../../support/docker-cli.ts'
import { image, setUpDocker } from '../../../support/docker.ts'

const log = { maxSize: '1m', maxFiles: 1 }

void t.test('on a Docker Engine', { skip: withoutDocker }, async (t) => {
  const under = await setUpDocker(t)
  await t.test('reconcilers that make the network at once leave one', async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const network = `${under.network}-race-${round}`
      const policy = { network, image: image.repository, runtimeUrl: 'http://172.17.0.1:1', log }
      const drivers = [0, 1, 2, 3].map(() => under.makeDriver('fleet-a', { policy }))
      const instances = await Promise.all(
        drivers.map(async () => under.makeInstance({ fleet: 'fleet-a', spec: { state: 'stopped' } })),
      )
      const { signal } = new AbortController()
      await Promise.all(
        drivers.map(async (driver, at) => {
          const instance = instances[at]
          if (instance !== undefined) await driver.create(instance, under.credentials(instance), signal)
        }),
      )
      const left = await docker('network', 'ls', '--quiet', '--filter', `name=^${network}$`)
      t.equal(left.split('\n').length, 1)
      for (const { uid } of instances) await drivers[0]?.remove(uid, signal)
      for (const driver of drivers) await driver[Symbol.asyncDispose]()
      await docker('network', 'rm', network)
    }
  })
})
