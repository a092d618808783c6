import { join } from 'node:path'
import t from 'tap'
import { sourceConformance } from '../conformance/source-conformance.ts'
import { createRepository } from '../support/git-repository.ts'
import { testGitSource } from '../support/git-source.ts'

t.test('keeps the promises of a source', async (t) => {
  sourceConformance(t, async (t) => {
    const root = t.testdir()
    const repository = await createRepository(join(root, 'fleet repository'))
    return {
      change: async (content) => {
        for (const [path, value] of Object.entries(content)) {
          await repository.remove(path)
          if (typeof value === 'string') await repository.write(path, value)
          else if (value !== null) await repository.symlink(path, value.link)
        }
        await repository.commit('change')
      },
      open: (options) =>
        testGitSource({ url: repository.directory, cacheDirectory: join(root, 'cache'), ...options }),
    }
  })
})
