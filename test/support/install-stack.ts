/** A process that installs a stack below the folder it is given, and says where. Tests kill it. */
import { inheritedEnvironment } from '../../reconciler/drivers/localfs/environment.ts'
import { createStacks } from '../../reconciler/drivers/localfs/stacks.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'
import { compile, machine, stack } from './stack.ts'

const [data] = process.argv.slice(2)
if (data === undefined) throw new Error('which folder?')

const npm = { program: 'npm', environment: inheritedEnvironment(process.env) }
const stacks = createStacks({ data, npm, machine, compile, clock: systemClock })
const { folder } = await stacks.ensure(stack, new AbortController().signal)
process.stdout.write(JSON.stringify({ folder }))
