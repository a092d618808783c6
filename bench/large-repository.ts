import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFleet } from './fleet-repository.ts'
import { openFleet, type GitFleet } from './git-fleet.ts'
import type { Workbench } from './workbench.ts'

/** How large the large fleet is. */
export const largeFleet = { instances: 10_000, teams: 100, users: 200 }

const made = new WeakMap<Workbench, Promise<GitFleet>>()

/** The Git repository of a large fleet, made once for all rows. */
export function largeRepository(bench: Workbench): Promise<GitFleet> {
  const known = made.get(bench) ?? make(bench)
  made.set(bench, known)
  return known
}

async function make(bench: Workbench): Promise<GitFleet> {
  const directory = await bench.folder('large-fleet')
  const fleet = await openFleet(directory)
  await writeFleet(directory, largeFleet)
  await fleet.commit('Declare the fleet')
  await fleet.pack()
  return fleet
}

/** A folder with the secret of every instance. */
export async function writeSecrets(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let index = 0; index < largeFleet.instances; index += 1)
    await writeFile(join(folder, `line-${index}-api-key`), `key of ${index}\n`)
}
