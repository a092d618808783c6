/** Takes one snapshot of a repository (first argument) with a cache (second), to be killed meanwhile. */
import { testGitSource } from './git-source.ts'

const [url = '', cacheDirectory = ''] = process.argv.slice(2)
await testGitSource({ url, cacheDirectory }).snapshot(AbortSignal.timeout(60_000))
