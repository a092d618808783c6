import type { Driver } from '../drivers/driver.ts'
import type { DriverName } from '../model/resource.ts'

export function driverOf(
  name: DriverName,
  { drivers }: { readonly drivers: ReadonlyMap<DriverName, Driver> },
): Driver {
  const driver = drivers.get(name)
  if (driver === undefined) throw new Error(`the driver ${name} is not configured`)
  return driver
}
