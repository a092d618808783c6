import t from 'tap'
import { inheritedEnvironment } from '../../../../reconciler/drivers/localfs/environment.ts'

t.test('only what is needed is handed on', async (t) => {
  const given = {
    PATH: '/bin',
    HOME: '/root',
    npm_config_registry: 'https://registry.example.com',
    npm_config__authToken: 'canary',
    DATABASE_PASSWORD: 'canary',
    NODE_OPTIONS: '--inspect',
    LANG: undefined,
  }
  t.strictSame(inheritedEnvironment(given), {
    PATH: '/bin',
    HOME: '/root',
    npm_config_registry: 'https://registry.example.com',
  })
})
