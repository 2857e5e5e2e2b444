import { Hono } from 'hono';
import type { ErrorCode } from '../core/error-codes.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { JSON_MEDIA_TYPE } from '../contract/media-types.ts';
import { PATHS } from '../contract/paths.ts';
import type { LogService } from '../service/log-service.ts';
import { findUnreadiness } from '../service/readiness.ts';
import { apiPage, respondApiPage } from './api-page.ts';
import { type Metrics, METRICS_MEDIA_TYPE } from './metrics.ts';
import type { AllStates, OwnState, ReadinessCheck } from './own-state.ts';
import { openApiDocument } from './openapi-document.ts';
import { NO_STORE, createResponse, respondProblem } from './responses.ts';
import { SharedLook } from './shared-look.ts';

/** Returns what is wrong, if anything, or throws it. */
type Work = () => Promise<string | undefined | void>;

/** One readiness check. */
interface Check {
  readonly name: 'database' | 'signer' | 'log';
  readonly look: SharedLook<string | undefined | void>;
}

/** A log and its state, for the pages of operators. */
export interface Operated {
  readonly service: LogService;
  readonly metrics: Metrics;
  /** Rejects unless the database answers. */
  readonly ping: () => Promise<void>;
  /** The state of all processes that serve together. Default: this one is alone. */
  readonly all?: AllStates | undefined;
}

/** Creates the application of a listener for operators: liveness, readiness with its checks, metrics. */
export function createOperatorApp(operated: Operated): Hono {
  return stateApp(operated.all ?? ownState(operated));
}

/** {@link createOperatorApp} for a state that is known from elsewhere. */
export function stateApp(state: OwnState): Hono {
  const app = new Hono();
  stateRoutes(app, state);
  app.notFound(() => respondProblem(new GlasskeyError('not-found', 'there is nothing at this path')));
  return app;
}

/** Serves liveness, readiness with its checks, and metrics. */
export function operatorRoutes(app: Hono, operated: Operated): void {
  stateRoutes(app, operated.all ?? ownState(operated));
}

function stateRoutes(app: Hono, state: OwnState): void {
  readinessRoutes(app, state, true);
  app.get(PATHS.metrics, async () =>
    createResponse(await state.metrics(), METRICS_MEDIA_TYPE, NO_STORE, { forOperators: true }),
  );
}

/** Serves liveness, and readiness: to a load balancer without reasons. */
export function healthRoutes(app: Hono, operated: Operated): void {
  readinessRoutes(app, operated.all ?? ownState(operated), false);
}

function readinessRoutes(app: Hono, state: OwnState, showsChecks: boolean): void {
  app.get(PATHS.health, () => createResponse('{"status":"ok"}', JSON_MEDIA_TYPE, NO_STORE, { forOperators: true }));
  app.get(PATHS.ready, async () => {
    const { ok, checks } = await state.readiness();
    const body = JSON.stringify({ status: ok ? 'ready' : 'not ready', ...(showsChecks && { checks }) });
    return createResponse(body, JSON_MEDIA_TYPE, NO_STORE, { status: ok ? 200 : 503, forOperators: true });
  });
}

/** Returns the state of this process. Looks that come together are one. */
export function ownState({ service, metrics, ping }: Operated): OwnState {
  const late = (): Error => new GlasskeyError('timed-out', 'the log did not show its health');
  const health = new SharedLook(service.context.limits.readinessMs, late, () => service.health());
  const checks = readinessChecks(service, ping);
  return {
    async metrics() {
      return metrics.format(await health.look().catch(() => undefined), service.context.now());
    },
    async readiness() {
      const results = await Promise.all(checks.map((one) => run(one)));
      return { ok: results.every((one) => one.ok), checks: results };
    },
  };
}

/** Serves the description of the API, for programs and for people. */
export function documentRoutes(app: Hono, origin: string): void {
  const document = JSON.stringify(openApiDocument());
  app.get(PATHS.openapi, () => createResponse(document, JSON_MEDIA_TYPE, 'public, max-age=3600'));
  const page = apiPage(origin);
  app.get(PATHS.docs, async () => respondApiPage(await page));
}

/** The checks of `/readyz`. The database and the log are read on connections that requests cannot take. */
function readinessChecks(service: LogService, ping: () => Promise<void>): readonly Check[] {
  const { readinessMs } = service.context.limits;
  const check = (name: Check['name'], code: ErrorCode, late: string, work: Work): Check => {
    const error = (): Error => new GlasskeyError(code, `${late} within ${readinessMs / 1000} s`);
    return { name, look: new SharedLook(readinessMs, error, work) };
  };
  return [
    check('database', 'storage-failed', 'the database did not answer', ping),
    check('signer', 'hsm-unavailable', 'the keys did not sign', () => service.signers.check()),
    check('log', 'storage-failed', 'the log could not be read', () => findUnreadiness(service)),
  ];
}

/** Runs one check. `detail` is for the operator. */
async function run({ name, look }: Check): Promise<ReadinessCheck> {
  try {
    const wrong = await look.look();
    return { name, ok: wrong === undefined, detail: wrong ?? 'ok' };
  } catch (error) {
    const detail = isGlasskeyError(error) ? `${error.code}: ${error.message}` : 'failed';
    return { name, ok: false, detail };
  }
}
