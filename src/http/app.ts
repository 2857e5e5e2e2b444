import { type Context, Hono } from 'hono';
import { GlasskeyError } from '../core/errors.ts';
import type { AcmeSettings } from '../service/acme/acme-settings.ts';
import { acmeRoutes } from './acme-routes.ts';
import { caRoutes, type PublicDocuments } from './ca-routes.ts';
import { type RateLimitSettings, RateLimits, NO_RATE_LIMITS } from './rate-limits.ts';
import { answerPreflights } from './cors.ts';
import { estRoutes } from './est-routes.ts';
import { issuanceRoutes, recoveryRoutes } from './issuance-routes.ts';
import { notifyRoutes } from './notify-routes.ts';
import { LookupAccess } from './lookup-access.ts';
import { keytransRoutes } from './keytrans-routes.ts';
import type { ExplorerFiles } from './explorer-files.ts';
import { lookupBatchRoute } from './lookup-batch-route.ts';
import { logRoutes } from './log-routes.ts';
import { ocspRoutes, routedPath } from './ocsp-routes.ts';
import { documentRoutes, healthRoutes, type Operated, operatorRoutes } from './operator-routes.ts';
import { remoteAddress } from './remote-address.ts';
import { ReadTurns } from './read-turns.ts';
import { requestIdOf } from './request-id.ts';
import { respondProblem } from './responses.ts';
import type { CertificateHeader } from './shown-certificate.ts';
import { startRoutes } from './start-routes.ts';
import { UpdatePace } from './update-pace.ts';

/** Options of {@link createApp}. */
export interface AppOptions extends Operated {
  readonly documents: PublicDocuments;
  /** True if another listener serves operators: then this one has no metrics, and readiness without details. */
  readonly hasOperatorListener?: boolean | undefined;
  /** Limits on one client's requests; a function is called for every request. Default: none. */
  readonly rateLimits?: RateLimitSettings | (() => RateLimitSettings);
  /** The header in which a proxy passes client certificates on, read for every EST request. Default: none. */
  readonly certificateHeader?: () => CertificateHeader;
  /** The settings of ACME, read for every request; undefined: ACME is off. Default: it is off. */
  readonly acme?: (() => AcmeSettings | undefined) | undefined;
  /** The page at `/`. Default: none, and browsers get the page `/docs` there. */
  readonly explorer?: ExplorerFiles | undefined;
  /** Called for every failed request. `error` is for the server's log and must not reach the client. */
  readonly onError?: ((error: unknown, method: string, route: string, requestId: string) => void) | undefined;
}

/** Creates the HTTP API of one log (`docs/spec.md#http`). Every failure is problem+json with a stable code. */
export function createApp(options: AppOptions): Hono {
  const { service, metrics, documents } = options;
  const app = new Hono({ getPath: routedPath });
  app.use(async (c, next) => {
    const start = performance.now();
    await next();
    metrics.observeHttp(routeOf(c.req.routePath), c.res.status, (performance.now() - start) / 1000);
  });
  answerPreflights(app);
  const identify = (token: string) => service.identifyToken(token);
  const { now, budgets } = service.context;
  const limits = new RateLimits(options.rateLimits ?? NO_RATE_LIMITS, identify, now, remoteAddress, budgets);
  const access = new LookupAccess(limits, service.context.origin, now);
  const turns = new ReadTurns(service.reading, limits);
  issuanceRoutes(app, service, limits, access);
  recoveryRoutes(app, service, limits, access);
  notifyRoutes(app, service, limits, access);
  keytransRoutes(app, service, access, turns);
  lookupBatchRoute(app, service, access);
  logRoutes(app, service, turns, new UpdatePace(service.context.limits, limits, turns, now));
  caRoutes(app, service, documents, turns);
  ocspRoutes(app, service, turns);
  estRoutes(app, service, limits, options.certificateHeader ?? (() => ({ name: undefined, trustedProxies: [] })));
  const failed = (error: unknown, c: Context): void =>
    options.onError?.(error, c.req.method, routeOf(c.req.routePath), requestIdOf(c));
  acmeRoutes(app, service, limits, { settings: options.acme ?? (() => undefined), failed });
  if (options.hasOperatorListener === true) healthRoutes(app, options);
  else operatorRoutes(app, options);
  documentRoutes(app, service.context.origin);
  startRoutes(app, {
    origin: service.context.origin,
    explorer: options.explorer,
    privateKinds: () => limits.settings.lookups?.privateKinds ?? [],
  });

  const methods = new Map<string, Set<string>>();
  for (const route of app.routes) {
    if (route.method !== 'ALL') methods.set(route.path, (methods.get(route.path) ?? new Set()).add(route.method));
  }
  app.notFound((c) => {
    const known = methods.get(c.req.path);
    if (known === undefined || known.has(c.req.method)) {
      return respondProblem(new GlasskeyError('not-found', 'there is nothing at this path'));
    }
    const response = respondProblem(new GlasskeyError('method-not-allowed', 'this path does not take that method'));
    response.headers.set('allow', [...known].join(', '));
    return response;
  });
  app.onError((error, c) => {
    failed(error, c);
    return respondProblem(error, requestIdOf(c));
  });
  return app;
}

/** Returns the pattern that matched, or `other`: a path may hold what a client typed. */
function routeOf(pattern: string | undefined): string {
  return pattern === undefined || pattern === '/*' ? 'other' : pattern;
}
