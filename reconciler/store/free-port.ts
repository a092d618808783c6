const lastPort = 65_535

/**
 * The lowest port from `first` up that is neither taken nor reserved; undefined where there is none. `companion`: every
 * instance also takes the port this many above its own (0: none), so that must be free as well. Pure.
 */
export function lowestFreePort(request: {
  readonly first: number
  readonly taken: ReadonlySet<number>
  readonly reserved: ReadonlySet<number>
  readonly companion: number
}): number | undefined {
  const { taken, reserved, companion } = request
  const isFree = (port: number): boolean =>
    !taken.has(port) &&
    !reserved.has(port) &&
    (companion === 0 || !(taken.has(port - companion) || reserved.has(port - companion)))
  for (let port = request.first; port + companion <= lastPort; port++)
    if (isFree(port) && (companion === 0 || isFree(port + companion))) return port
  return undefined
}
