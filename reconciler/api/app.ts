import helmet from '@fastify/helmet'
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { DoorDeps } from './deps.ts'
import { identityPath } from '../identity/identity.ts'
import { storageAllowance } from './storage-allowance.ts'
import { instanceDecorator, instanceHook } from './instance-token.ts'
import { sendError, sendProblem } from './problem.ts'
import { healthRoutes } from './routes/health/health.ts'
import { metricsRoute } from './routes/health/metrics.ts'
import { identityDoor } from './routes/identity/door.ts'
import { auditReportRoute } from './routes/runtime/audit.ts'
import { settingsRoute } from './routes/runtime/settings.ts'
import { stateReportRoute } from './routes/runtime/state.ts'
import { documentRoutes } from './routes/runtime/storage/documents.ts'
import { flowsRoutes } from './routes/runtime/storage/flows.ts'
import { libraryRoutes } from './routes/runtime/storage/library.ts'
import { auditRoute } from './routes/status/audit.ts'
import { browserSignInRoutes } from './routes/status/browser-sign-in.ts'
import { eventRoute } from './routes/status/events.ts'
import { fleetRoute } from './routes/status/fleet.ts'
import { historyRoute } from './routes/status/history.ts'
import { instanceRoutes } from './routes/status/instances.ts'
import { journalRoute } from './routes/status/journal.ts'
import { logRoute } from './routes/status/logs.ts'
import { openapiRoute } from './routes/status/openapi.ts'
import { samplesRoute } from './routes/status/samples.ts'
import { planRoute } from './routes/status/plan.ts'
import { stateRoute } from './routes/status/state.ts'
import { teamRoutes } from './routes/status/teams.ts'
import { userRoutes } from './routes/status/users.ts'
import { sessionCookie, signInHook, viewerDecorator } from './sign-in.ts'

/**
 * The doors as a Fastify plugin: status for people, runtime for instances, identity for browsers, health for whoever watches
 * the process.
 */
export function statusApp(deps: DoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    await app.register(helmet)
    await app.register(swagger, { openapi })
    app.setErrorHandler(sendError)
    app.setNotFoundHandler(async (_request, reply) => sendProblem(reply, 404, 'There is nothing here.'))
    app.addHook('onSend', async (_request, reply) => {
      reply.header('cache-control', 'no-store')
    })
    await app.register(healthDoor(deps))
    await app.register(statusDoor(deps), { prefix: '/api/v1' })
    await app.register(runtimeDoor(deps), { prefix: '/runtime/v1' })
    const { identity } = deps
    if (identity === undefined) return
    await app.register(async (browsers) => browserSignInRoutes(browsers, identity), { prefix: '/api' })
    await app.register(identityDoor(identity), { prefix: identityPath })
  }
}

const http = 'http' as const

const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'Weir',
    description: 'The state of a fleet. Nothing under /api changes anything.',
    version: 'v1',
  },
  components: {
    securitySchemes: {
      password: { type: http, scheme: 'basic', description: 'Name and password of a declared user.' },
      readToken: {
        type: http,
        scheme: 'bearer',
        description:
          'A read token of a declared user, or an access token of the identity door with the scope `status`.',
      },
      session: {
        type: 'apiKey' as const,
        in: 'cookie' as const,
        name: sessionCookie,
        description: 'The session of a browser that signed in at /api/sign-in.',
      },
      instanceToken: {
        type: http,
        scheme: 'bearer',
        description: 'The token of an instance: runtime door only.',
      },
    },
  },
  security: [{ password: [] }, { readToken: [] }, { session: [] }],
}

function healthDoor(deps: DoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    healthRoutes(app, deps)
    metricsRoute(app, deps)
  }
}

/** Only GET routes stand here: nothing behind this door can change anything. */
function statusDoor(deps: DoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    const closing = new AbortController()
    app.addHook('preClose', () => closing.abort())
    app.decorateRequest(viewerDecorator)
    app.addHook('onRequest', signInHook(deps.authenticate))
    const streams = { ...deps, closing: closing.signal }
    fleetRoute(app, deps)
    teamRoutes(app, deps)
    userRoutes(app, deps)
    instanceRoutes(app, deps)
    logRoute(app, streams)
    samplesRoute(app, deps)
    planRoute(app, deps)
    historyRoute(app, deps)
    journalRoute(app, deps)
    auditRoute(app, deps)
    eventRoute(app, streams)
    stateRoute(app, deps)
    openapiRoute(app)
  }
}

function storageDoor(deps: DoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    app.addHook('onRequest', storageAllowance(deps.storageAllowance))
    flowsRoutes(app, deps)
    documentRoutes(app, deps)
    libraryRoutes(app, deps)
  }
}

function runtimeDoor(deps: DoorDeps) {
  return async (app: FastifyInstance): Promise<void> => {
    app.decorateRequest(instanceDecorator)
    app.addHook('onRequest', instanceHook(deps.store))
    app.addHook('onRoute', (route) => {
      if (route.schema) route.schema.security = [{ instanceToken: [] }]
    })
    settingsRoute(app, deps)
    stateReportRoute(app, deps)
    await app.register(storageDoor(deps))
    auditReportRoute(app, deps)
  }
}
