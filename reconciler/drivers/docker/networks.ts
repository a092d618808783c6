import { labels, type Labels } from './container-spec.ts'
import { causeOf, readWithinMs, unlessDone, unlessGone, type Ask, type Calls } from './engine-call.ts'
import { hasStatus } from './engine-error.ts'

export interface Networks {
  connect(id: string, network: string, signal: AbortSignal): Promise<void>
  disconnect(id: string, network: string, signal: AbortSignal): Promise<void>
  /** Makes the network where it is missing, and leaves no two of the name. */
  ensureNetwork(name: string, carrying: Labels, signal: AbortSignal): Promise<void>
}

export function networksOf(calls: Calls): Networks {
  const { docker, change } = calls
  return {
    connect: async (Container, network, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => {
        const options = { Container, abortSignal }
        return docker.getNetwork(network).connect(options)
      }
      await change(`connect a container to the network ${network}`, ask, signal)
    },
    disconnect: async (Container, network, signal) => {
      const ask: Ask<unknown> = async (abortSignal) => {
        const options = { Container, Force: true, abortSignal }
        return docker.getNetwork(network).disconnect(options)
      }
      await change(`disconnect a container from the network ${network}`, ask, signal)
    },
    ensureNetwork: async (name, carrying, signal) => {
      const found = await networksNamed(calls, name, signal)
      if (found.length === 1) return
      if (found.length === 0) await makeNetwork(calls, { name, carrying }, signal)
      await leaveOne(calls, { name, carrying }, signal)
    },
  }
}

interface Wanted {
  readonly name: string
  readonly carrying: Labels
}

async function networksNamed({ docker, bounded }: Calls, name: string, signal: AbortSignal) {
  // The filter finds names that only contain it, too.
  const look = async (abortSignal: AbortSignal) =>
    docker.listNetworks({ filters: { name: [name] }, abortSignal })
  const found = await bounded('list networks', readWithinMs, look, signal)
  return found.filter(({ Name }) => Name === name)
}

async function makeNetwork(
  { docker, change }: Calls,
  { name, carrying }: Wanted,
  signal: AbortSignal,
): Promise<void> {
  const make = async (abortSignal: AbortSignal) =>
    docker.createNetwork({
      Name: name,
      Driver: 'bridge',
      CheckDuplicate: true,
      Labels: { ...carrying },
      abortSignal,
    })
  // Another call may have been quicker.
  await change(`make the network ${name}`, unlessDone(make, 409), signal)
}

/**
 * The engine makes two of one name where two reconcilers want it at once, and then refuses the name as ambiguous. Whoever
 * sees more than one leaves the one that is in use, else the first by id, and removes what is its own of the others. It
 * looks after it has made one, so that of all who made one the last to look sees all.
 */
async function leaveOne(calls: Calls, { name, carrying }: Wanted, signal: AbortSignal): Promise<void> {
  const all = await networksNamed(calls, name, signal)
  if (all.length === 1) return
  const looked = await Promise.all(
    all.map(async ({ Id }) => {
      const ask = async () => calls.docker.getNetwork(Id).inspect()
      const seen: unknown = await unlessGone(calls.bounded('look at a network', readWithinMs, ask, signal))
      return seen === undefined ? [] : [{ id: Id, used: isUsed(seen) }]
    }),
  )
  const [keeper] = looked.flat().toSorted((a, b) => Number(b.used) - Number(a.used) || (a.id < b.id ? -1 : 1))
  const own = all.filter(({ Labels }) => Labels?.[labels.fleet] === carrying[labels.fleet])
  for (const { Id } of own) if (Id !== keeper?.id) await removeUnused(calls, Id, signal)
}

function isUsed(network: unknown): boolean {
  if (typeof network !== 'object' || network === null || !('Containers' in network)) return false
  const { Containers } = network
  return typeof Containers === 'object' && Containers !== null && Object.keys(Containers).length > 0
}

async function removeUnused({ docker, bounded }: Calls, id: string, signal: AbortSignal): Promise<void> {
  const ask: Ask<unknown> = async (abortSignal) => docker.getNetwork(id).remove({ abortSignal })
  try {
    await unlessGone(bounded('remove a network', readWithinMs, ask, signal))
  } catch (error) {
    // In use since: the next look decides anew.
    if (!hasStatus(causeOf(error), 403)) throw error
  }
}
