import { openWaitingRoom } from '../api/waiting-room.ts'
import type { Service } from '../compose-service.ts'
import type { Config } from '../config.ts'
import { openDoors, type BehindDoors } from '../doors.ts'

/** The doors, and before they can be opened a room where it is said why not yet. */
export interface Entrance extends AsyncDisposable {
  /** Opens the doors. Returns their URL. */
  open(behind: BehindDoors): Promise<string>
}

export async function createEntrance(
  config: Config,
  { board }: Pick<Service, 'board'>,
  telemetry: Parameters<typeof openDoors>[2],
): Promise<Entrance> {
  const stack = new AsyncDisposableStack()
  const why = (): string => board.current().store?.message ?? 'The store is being opened.'
  const waiting = await openWaitingRoom(config.listen, why)
  let waits = true
  const endWaiting = async (): Promise<void> => {
    if (waits) await waiting[Symbol.asyncDispose]()
    waits = false
  }
  stack.defer(endWaiting)
  return {
    async open(behind) {
      await endWaiting()
      const doors = stack.use(await openDoors(config, behind, telemetry))
      return doors.url
    },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  }
}
