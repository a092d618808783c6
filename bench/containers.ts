import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import Docker from 'dockerode'
import pLimit from 'p-limit'
import { asEvent } from '../reconciler/drivers/docker/engine-schema.ts'
import { nodeRedPort } from '../reconciler/drivers/docker/image-contract.ts'
import { docker } from '../test/support/docker-cli.ts'
import { untilAnswers } from './node-red.ts'
import type { Workbench } from './workbench.ts'

/** How long the first answers of all containers may take, in milliseconds. */
const patienceMs = 600_000
const pollMs = 20

/** A part of the Docker Engine of this machine for one row: whatever carries its mark in its name is removed with the bench. */
export interface EnginePart {
  /** Stands in the name of each container, and is that of the network that it is in. */
  readonly mark: string
  /** The address of this machine in that network. */
  readonly gateway: string
  /** Builds an image from a folder of these files, and gives its repository. */
  build(files: { readonly [name: string]: string }, tag: string): Promise<string>
  /**
   * From now on, when each container first answers `/mark` with the mark: those whose name holds the mark and their number, from
   * 0. `performance.now()` of then. They are found by the engine's events, and asked from their start on.
   */
  firstAnswers(count: number): Promise<readonly Promise<number>[]>
  /** Removes containers and their volumes. */
  clear(): Promise<void>
}

export async function openEnginePart(bench: Workbench): Promise<EnginePart> {
  const engine = new Docker({ socketPath: '/var/run/docker.sock' })
  const mark = `weir-bench-${randomUUID().slice(0, 8)}`
  const network = await engine.createNetwork({ Name: mark, Driver: 'bridge' })
  bench.atEnd(async () => network.remove())
  const clear = async () => removeAll(engine, mark)
  bench.atEnd(clear)
  return {
    mark,
    gateway: await docker('network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', mark),
    clear,
    build: async (files, tag) => {
      const folder = await bench.folder('image')
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
      await docker('build', '--quiet', '--tag', `${mark}:${tag}`, folder)
      bench.atEnd(async () => docker('image', 'rm', '--force', `${mark}:${tag}`))
      return mark
    },
    firstAnswers: async (count) => firstAnswers(engine, mark, count),
  }
}

async function firstAnswers(
  engine: Docker,
  mark: string,
  count: number,
): Promise<readonly Promise<number>[]> {
  const ending = new AbortController()
  const filters = { type: ['container' as const], event: ['start'] }
  const stream = await engine.getEvents({ filters, abortSignal: ending.signal })
  const waiting = Array.from({ length: count }, () => Promise.withResolvers<number>())
  const fail = (error: Error) => waiting.forEach(({ reject }) => reject(error))
  const told = new RegExp(`${mark}-(\\d+)`)
  createInterface(new Readable().wrap(stream))
    .on('line', (line) => {
      const { Actor } = asEvent(JSON.parse(line))
      const [, number] = told.exec(Actor.Attributes['name'] ?? '') ?? []
      if (number !== undefined) waiting[Number(number)]?.resolve(firstAnswer(engine, Actor.ID, mark))
    })
    .on('error', fail)
  const late = `not all of ${count} containers were started within ${patienceMs / 1000} s`
  const timer = setTimeout(() => fail(new Error(late)), patienceMs)
  const end = () => {
    clearTimeout(timer)
    ending.abort()
  }
  const answers = waiting.map(({ promise }) => promise)
  void Promise.all(answers).then(end, end)
  return answers
}

async function firstAnswer(engine: Docker, id: string, mark: string): Promise<number> {
  const { NetworkSettings } = await engine.getContainer(id).inspect()
  const host = Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? ''
  return untilAnswers(nodeRedPort, '/mark', mark, { pollMs, host })
}

async function removeAll(engine: Docker, mark: string): Promise<void> {
  const found = await engine.listContainers({ all: true, filters: { name: [mark] } })
  const atOnce = pLimit(4)
  await Promise.all(
    found.map(({ Id, Mounts }) =>
      atOnce(async () => {
        await engine.getContainer(Id).remove({ force: true })
        for (const { Name } of Mounts) if (Name !== undefined) await engine.getVolume(Name).remove()
      }),
    ),
  )
}
