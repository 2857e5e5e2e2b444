import type { Context, Hono } from 'hono';
import { formatPem } from '../ca/der/pem.ts';
import {
  acmePayload,
  MAX_ACME_BODY_BYTES,
  parseAcmeJws,
  parseAcmeRevocation,
  parseAcmeUpdate,
  parseAttestation,
  parseFinalize,
  parseKeyChange,
  parseNewAccount,
  parseNewOrder,
} from '../contract/acme-messages.ts';
import { JOSE_MEDIA_TYPE, JSON_MEDIA_TYPE, PEM_MEDIA_TYPE } from '../contract/media-types.ts';
import { ACME_PREFIX, PATHS } from '../contract/paths.ts';
import { ensure, GlasskeyError } from '../core/errors.ts';
import { deactivateAccount, openAccount, type AcmeAccount } from '../service/acme/acme-accounts.ts';
import type { AcmeOrder } from '../service/acme/acme-orders.ts';
import { revokeByAcme } from '../service/acme/acme-revocation.ts';
import { type AcmeSender, AcmeService } from '../service/acme/acme-service.ts';
import type { AcmeSettings } from '../service/acme/acme-settings.ts';
import { ensureAcme } from '../service/acme/acme-refusal.ts';
import { identifierOf } from '../service/acme/order-identity.ts';
import type { LogService } from '../service/log-service.ts';
import { acmeKeyRoute } from './acme-key-route.ts';
import { acmeMailRoute } from './acme-mail-route.ts';
import { AcmeObjects, readAcmeId } from './acme-objects.ts';
import { respondAcmeProblem } from './acme-problem.ts';
import type { RateLimits } from './rate-limits.ts';
import { readJson } from './read-body.ts';
import { requestIdOf } from './request-id.ts';
import { createResponse, NO_STORE } from './responses.ts';

/** Seconds after which a client asks again for an order that is processing. */
const RETRY_SECONDS = 2;

const EXPOSED = 'Link,Location,Replay-Nonce,Retry-After,X-Request-Id';

/** Parts of the server that ACME needs. */
export interface AcmeOptions {
  /** The current settings; undefined while ACME is off. */
  readonly settings: () => AcmeSettings | undefined;
  /** Takes the failure of a request, for the server's log. */
  readonly failed: (error: unknown, c: Context) => void;
}

/** A request whose sender is authenticated. */
interface AcmeRequest {
  readonly c: Context;
  readonly sender: AcmeSender;
  /** JSON; undefined for the empty payload of a POST-as-GET. */
  readonly payload: unknown;
  readonly objects: AcmeObjects;
}

/** A request of an account about something that its URL names. */
interface AccountRequest extends AcmeRequest {
  readonly account: AcmeAccount;
  /** The id in the URL. Untrusted. */
  readonly id: Uint8Array;
}

/** Serves ACME (RFC 8555) below `/acme/`, and `POST /v1/acme-keys`. While it is off, there is nothing there. */
export function acmeRoutes(app: Hono, service: LogService, limits: RateLimits, options: AcmeOptions): void {
  const acme = new AcmeService(service);
  const { identityRules } = service.context;
  const on = (): AcmeSettings => {
    const settings = options.settings();
    ensure(settings !== undefined, 'not-found', 'there is no ACME at this server');
    return settings;
  };
  app.use(`${ACME_PREFIX}*`, async (_, next) => {
    on();
    await next();
  });
  acmeKeyRoute(app, acme, limits, on);

  app.get(PATHS.acmeDirectory, () => respond(JSON.stringify(new AcmeObjects(on().url).directory())));
  app.get(PATHS.acmeNewNonce, (c) => {
    const headers = { 'replay-nonce': acme.newNonce(), ...common(on().url) };
    return createResponse(null, JSON_MEDIA_TYPE, NO_STORE, { status: c.req.method === 'HEAD' ? 200 : 204, headers });
  });

  const post = (path: string, work: (request: AcmeRequest) => Promise<Response>): void => {
    app.post(path, async (c) => {
      const { url: base } = on();
      const objects = new AcmeObjects(base);
      const response = await answer(c, limits, acme, objects, work).catch((error: unknown) => {
        options.failed(error, c);
        return respondAcmeProblem(error, requestIdOf(c), base);
      });
      const link = [common(base).link, response.headers.get('link')].filter((one) => one !== null).join(', ');
      response.headers.set('link', link);
      response.headers.set('access-control-expose-headers', EXPOSED);
      response.headers.set('replay-nonce', acme.newNonce());
      return response;
    });
  };
  const ofAccount = (path: string, work: (request: AccountRequest) => Promise<Response>): void => {
    post(path, (request) => {
      ensureAcme('account' in request.sender, 'malformed', 'an account names itself by its kid');
      const { account } = request.sender;
      const id = readAcmeId(request.c.req.param('id') ?? '') ?? new Uint8Array();
      return work({ ...request, account, id });
    });
  };
  const order = ({ objects }: AcmeRequest, found: AcmeOrder, created = false): Response => {
    const location = objects.orderUrl(found.orderId);
    const retry = found.state === 'processing' ? { 'retry-after': String(RETRY_SECONDS) } : {};
    const text = JSON.stringify(objects.order(found, identifierOf(found, identityRules)));
    return respond(text, { location, ...retry }, created ? 201 : 200);
  };
  const { orders } = acme;
  const challengeOf = (objects: AcmeObjects, found: AcmeOrder): object | undefined => {
    const [token, mail] = [orders.readToken(found), on().mail];
    if (token === undefined) return undefined;
    if (found.proof === 'device') return objects.deviceChallenge(found, token);
    return mail === undefined ? undefined : objects.mailChallenge(found, token, mail.from);
  };
  acmeMailRoute(app, service, limits, on);

  post(PATHS.acmeNewAccount, async ({ c, sender, payload, objects }) => {
    ensureAcme('key' in sender, 'malformed', 'a new account shows its jwk');
    const { onlyExisting, binding: message } = parseNewAccount(payload);
    const binding = message && { message, payload: acmePayload(message) };
    const wish = { ...sender, url: objects.url(c.req.path), onlyExisting, binding };
    const { account, isNew } = await openAccount(acme.context, wish);
    limits.admitApplication(account.application);
    const location = objects.accountUrl(account);
    return respond(JSON.stringify(objects.account(account)), { location }, isNew ? 201 : 200);
  });
  ofAccount(`${ACME_PREFIX}account/:id`, async ({ account, payload, objects, c }) => {
    ensureAcme(objects.accountUrl(account) === objects.url(c.req.path), 'unauthorized', 'this is another account');
    const deactivates = payload !== undefined && parseAcmeUpdate(payload);
    const row = deactivates ? await deactivateAccount(acme.context, account) : account.row;
    return respond(JSON.stringify(objects.account({ ...account, row })));
  });
  ofAccount(`${ACME_PREFIX}account/:id/orders`, async ({ account, payload, objects, c }) => {
    assertRead(payload);
    ensureAcme(`${objects.accountUrl(account)}/orders` === objects.url(c.req.path), 'unauthorized', 'another account');
    const ids = await orders.list(account);
    return respond(JSON.stringify({ orders: ids.map((id) => objects.orderUrl(id)) }));
  });
  ofAccount(PATHS.acmeKeyChange, async ({ c, account, payload, objects }) => {
    const inner = parseAcmeJws(payload);
    const urls = { url: objects.url(c.req.path), accountUrl: objects.accountUrl(account) };
    const changed = await acme.changeKey(account, inner, parseKeyChange(acmePayload(inner)), urls);
    return respond(JSON.stringify(objects.account(changed)));
  });
  ofAccount(PATHS.acmeNewOrder, async (request) =>
    order(request, await orders.open(request.account, parseNewOrder(request.payload), on()), true),
  );
  ofAccount(`${ACME_PREFIX}order/:id`, async (request) => {
    assertRead(request.payload);
    const found = await orders.find(request.account, request.id);
    return order(request, await orders.look(request.account, found, requestIdOf(request.c)));
  });
  ofAccount(`${ACME_PREFIX}order/:id/finalize`, async (request) => {
    const found = await orders.find(request.account, request.id);
    const finalize = { csr: parseFinalize(request.payload), requestId: requestIdOf(request.c) };
    return order(request, await orders.finalize(request.account, found, finalize));
  });
  ofAccount(`${ACME_PREFIX}authz/:id`, async ({ account, payload, id, objects }) => {
    const found = await orders.find(account, id);
    const givesUp = payload !== undefined && parseAcmeUpdate(payload);
    const now = givesUp ? await orders.giveUp(account, found) : found;
    const identifier = identifierOf(now, identityRules);
    return respond(JSON.stringify(objects.authorization(now, identifier, challengeOf(objects, now))));
  });
  ofAccount(`${ACME_PREFIX}chall/:id`, async ({ account, payload, id, objects }) => {
    const asked = await orders.find(account, id);
    const answers = payload !== undefined && asked.proof === 'device';
    const found = answers ? await orders.attest(account, asked, parseAttestation(payload), on().attest) : asked;
    const challenge = challengeOf(objects, found);
    ensure(challenge !== undefined, 'not-found', 'the order has no challenge');
    // The reply by mail counts when it comes; that the client says so changes nothing.
    return respond(JSON.stringify(challenge), { link: `<${objects.authorizationUrl(found)}>;rel="up"` });
  });
  ofAccount(`${ACME_PREFIX}cert/:id`, async ({ account, payload, id }) => {
    assertRead(payload);
    const chain = orders.chainOf(await orders.find(account, id));
    const pem = chain.map((der) => formatPem('CERTIFICATE', der)).join('');
    return createResponse(pem, PEM_MEDIA_TYPE, NO_STORE);
  });
  post(PATHS.acmeRevokeCertificate, async ({ c, sender, payload }) => {
    await revokeByAcme(service, sender, { ...parseAcmeRevocation(payload), requestId: requestIdOf(c) });
    return respond('');
  });
  app.all(`${ACME_PREFIX}*`, (c) => {
    const known = c.req.method === 'POST' ? 'not-found' : 'method-not-allowed';
    const what = known === 'not-found' ? 'there is nothing at this path' : 'ACME asks by POST (RFC 8555 §6.3)';
    return respondAcmeProblem(new GlasskeyError(known, what), requestIdOf(c), on().url);
  });
}

/** Authenticates a request, counts it and does its work. */
async function answer(
  c: Context,
  limits: RateLimits,
  acme: AcmeService,
  objects: AcmeObjects,
  work: (request: AcmeRequest) => Promise<Response>,
): Promise<Response> {
  await limits.admit(c, undefined);
  const message = parseAcmeJws(await readJson(c, JOSE_MEDIA_TYPE, MAX_ACME_BODY_BYTES));
  const sender = await acme.authenticate(message, objects.url(c.req.path), objects.accountOf);
  if ('account' in sender) limits.admitApplication(sender.account.application);
  return work({ c, sender, payload: acmePayload(message), objects });
}

/** Throws `malformed` unless a request only reads: a POST-as-GET has an empty payload (RFC 8555 §6.3). */
function assertRead(payload: unknown): void {
  ensureAcme(payload === undefined, 'malformed', 'this URL is only read: the payload is empty');
}

function respond(text: string, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  return createResponse(text, JSON_MEDIA_TYPE, NO_STORE, { status, headers });
}

/** Headers of every answer (RFC 8555 §7.1). */
function common(base: string): { readonly link: string } {
  return { link: `<${base}${PATHS.acmeDirectory}>;rel="index"` };
}
