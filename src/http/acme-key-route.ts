import type { Hono } from 'hono';
import { formatBase64Url } from '../core/encoding/bytes.ts';
import type { AcmeKeyAnswer } from '../contract/bodies.ts';
import { MAX_JSON_BODY_BYTES } from '../contract/input-sizes.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { parseAcmeKeyRequest } from '../contract/parse-requests.ts';
import { PATHS } from '../contract/paths.ts';
import type { AcmeService } from '../service/acme/acme-service.ts';
import type { AcmeSettings } from '../service/acme/acme-settings.ts';
import type { RateLimits } from './rate-limits.ts';
import { bearerToken, readJson } from './read-body.ts';
import { createResponse, NO_STORE } from './responses.ts';

/** Serves `POST /v1/acme-keys`: an application lets a client open one ACME account. `on` throws while ACME is off. */
export function acmeKeyRoute(app: Hono, acme: AcmeService, limits: RateLimits, on: () => AcmeSettings): void {
  app.post(PATHS.acmeKeys, async (c) => {
    const token = bearerToken(c);
    await limits.admit(c, token);
    const { url } = on();
    const request = parseAcmeKeyRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { keyId, macKey, expiresInMs } = await acme.bindingKey({ ...request, token });
    const answer: AcmeKeyAnswer = {
      keyId,
      hmacKey: formatBase64Url(macKey),
      expiresInSeconds: Math.floor(expiresInMs / 1000),
      directory: url + PATHS.acmeDirectory,
    };
    return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, { status: 201 });
  });
}
