/** Makes the compiler prove that a switch names every case of a union. */
export function assertNever(value: never): never {
  throw new Error(`unexpected case: ${JSON.stringify(value)}`)
}
