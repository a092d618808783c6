import { createGitSource, type GitSourceOptions } from '../../reconciler/source/git-source.ts'
import type { Source } from '../../reconciler/source/source.ts'
import { systemClock } from '../../reconciler/telemetry/clock.ts'

/** A Git source with what most tests leave as it is. */
export function testGitSource(
  options: Pick<GitSourceOptions, 'url' | 'cacheDirectory'> & Partial<GitSourceOptions>,
): Source {
  return createGitSource({
    interval: 60_000,
    allow: ['https', 'ssh'],
    environment: { PATH: process.env['PATH'] },
    clock: systemClock,
    random: () => 0.5,
    ...options,
  })
}
