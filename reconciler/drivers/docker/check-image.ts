import { isDeepStrictEqual } from 'node:util'
import { DriverError } from '../driver.ts'
import type { ContainerSpec } from './container-spec.ts'

/**
 * Whether a container that was made holds what its Stack says.
 * @throws DriverError `ImageWrong`.
 */
export function checkImage(wanted: ContainerSpec, made: ContainerSpec): void {
  if (isDeepStrictEqual(made.stack, wanted.stack)) return
  const { nodeRed, node } = made.stack
  const remedy = 'name another image in the Stack (spec.image), or correct docker.image'
  if (nodeRed === undefined)
    throw new DriverError(
      'ImageWrong',
      `the image ${wanted.image} is not one of Weir's, it lacks the label weir.node-red: ${remedy}`,
    )
  const [holds, says] = [made.stack, wanted.stack].map((stack) => described(stack))
  const said = node === undefined ? `${holds}, and lacks the label weir.node` : holds
  throw new DriverError(
    'ImageWrong',
    `the image ${wanted.image} holds ${said}; the Stack says ${says}: ${remedy}`,
  )
}

function described({ nodeRed, node }: ContainerSpec['stack']): string {
  return `Node-RED ${nodeRed}${node === undefined ? '' : ` on Node.js ${node}`}`
}
