import type { Hono } from 'hono';
import { MAX_JSON_BODY_BYTES } from '../contract/input-sizes.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import {
  type NotifyAddressInfo,
  type NotifyAnswer,
  type NotifyKeys,
  parseNotifyConfirmation,
  parseNotifyOrderRequest,
} from '../contract/notify-bodies.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import type { ListedAddress } from '../service/notify/notify-book.ts';
import type { NotifyOutcome } from '../service/notify/notify-owners.ts';
import type { LookupAccess } from './lookup-access.ts';
import type { RateLimits } from './rate-limits.ts';
import { bearerToken, readJson } from './read-body.ts';
import { NO_STORE, createResponse } from './responses.ts';

/**
 * Serves `POST /v1/notify-orders` and `/v1/notify-confirmations`, and `GET /v1/notify-keys`
 * (`docs/spec.md#notify-orders`).
 */
export function notifyRoutes(app: Hono, service: LogService, limits: RateLimits, access: LookupAccess): void {
  const { owners } = service.notifications;
  app.post(PATHS.notifyOrders, async (c) => {
    await limits.admit(c, bearerToken(c));
    const request = parseNotifyOrderRequest(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    const { assertMayAsk } = await access.asking(c);
    assertMayAsk(service.labelOf(request.identity));
    return json(answerOf(await owners.order(request)));
  });
  app.post(PATHS.notifyConfirmations, async (c) => {
    await limits.admit(c, bearerToken(c));
    const request = parseNotifyConfirmation(await readJson(c, JSON_MEDIA_TYPE, MAX_JSON_BODY_BYTES));
    return json(answerOf(await owners.confirm(request)));
  });
  app.get(PATHS.notifyKeys, () => {
    const { webhookKey, vapidKey } = owners.publicKeys();
    const keys: NotifyKeys = { webhookKey, ...(vapidKey === undefined ? {} : { vapidKey }) };
    return json(keys);
  });
}

function json(answer: NotifyAnswer | NotifyKeys): Response {
  return createResponse(JSON.stringify(answer), JSON_MEDIA_TYPE, NO_STORE, {});
}

function answerOf({ identity, addresses, added }: NotifyOutcome): NotifyAnswer {
  const listed = addresses.map((address) => infoOf(address));
  return { identity, addresses: listed, ...(added === undefined ? {} : { added }) };
}

function infoOf({ id, kind, hint, state, untilMs, lastToldMs, lastFailure }: ListedAddress): NotifyAddressInfo {
  const date = (ms: number): string => new Date(ms).toISOString();
  return {
    id,
    kind,
    hint,
    state,
    ...(untilMs === undefined ? {} : { until: date(untilMs) }),
    ...(lastToldMs === undefined ? {} : { told: date(lastToldMs) }),
    ...(lastFailure === undefined ? {} : { failure: lastFailure }),
  };
}
