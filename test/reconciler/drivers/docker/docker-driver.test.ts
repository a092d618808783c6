import t from 'tap'
import { driverConformance } from '../../../conformance/driver-conformance.ts'
import { withoutDocker } from '../../../engines/docker.ts'
import { setUpDocker } from '../../../support/docker.ts'

void t.test('on a Docker Engine', { skip: withoutDocker }, async (t) => {
  const { makeDriver, makeInstance, credentials, world } = await setUpDocker(t)
  await driverConformance(t, { name: 'docker', makeDriver, makeInstance, credentials, world })
})
