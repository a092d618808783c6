import { createServer } from 'node:net'
import t from 'tap'
import {
  isAddressHere,
  isPortHeld,
  listenersOn,
  portHolder,
} from '../../../../reconciler/drivers/localfs/ports.ts'
import { freePortPair } from '../../../support/free-port.ts'

t.test('a port that is held, and by whom', async (t) => {
  const { signal } = new AbortController()
  const port = await freePortPair()
  t.notOk(await isPortHeld('127.0.0.1', port, signal))
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  t.ok(await isPortHeld('127.0.0.1', port, signal))
  t.ok(await isPortHeld('0.0.0.0', port, signal))
  if (process.platform === 'linux') t.match(portHolder(port), new RegExp(`\\(pid ${process.pid}\\)$`))
})

t.test('an address of this machine, and one that is not', async (t) => {
  t.ok(await isAddressHere('127.0.0.1'))
  t.notOk(await isAddressHere('192.0.2.1'))
})

t.test('only listeners on that port count', async (t) => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2F30 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:2F30 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1
   2: 0100007F:12F3 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1`
  t.strictSame(listenersOn(0x2f30, table), ['111'])
})
