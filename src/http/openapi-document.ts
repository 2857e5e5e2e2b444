import { PROBLEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { OPENAPI_PATHS } from './openapi/paths.ts';
import { reference, type Schema } from './openapi/schema.ts';
import { SCHEMAS } from './openapi/schemas.ts';

/** Returns the OpenAPI 3.1 description of the API. A test checks that it and the routes agree. */
export function openApiDocument(): Schema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Glasskey',
      version: '1',
      summary: 'A certificate authority you can see through',
      description:
        'Pages of any origin may call /v1, /keytrans, /log, /ca, /crl and /.well-known (CORS, without credentials). ' +
        'The server uses no cookies; what is not public needs a token or a key.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths: OPENAPI_PATHS,
    components: {
      schemas: SCHEMAS,
      responses: {
        Problem: {
          description: 'A failure',
          content: { [PROBLEM_MEDIA_TYPE]: { schema: reference('Problem') } },
        },
      },
      securitySchemes: { applicationToken: { type: 'http', scheme: 'bearer' } },
    },
  };
}
