import type { FastifyInstance } from 'fastify'
import { answers } from '../../schemas.ts'

const schema = {
  summary: 'This API as an OpenAPI document, made from the schemas of its routes.',
  response: answers('OpenAPI 3.1.', { type: 'object', additionalProperties: true }),
}

/** `GET /openapi.json` */
export function openapiRoute(app: FastifyInstance): void {
  app.get('/openapi.json', { schema }, async () => app.swagger())
}
