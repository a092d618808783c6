import t from 'tap'
import { driverConformance } from '../../../conformance/driver-conformance.ts'
import { setUpLocalfs } from '../../../support/localfs.ts'

const { makeDriver, makeInstance, credentials, world } = await setUpLocalfs(t)

void driverConformance(t, { name: 'localfs', makeDriver, makeInstance, credentials, world })
