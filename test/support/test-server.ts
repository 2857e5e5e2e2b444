import type { Hono } from 'hono';
import { formatPem } from '../../src/ca/der/pem.ts';
import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { KeyDirectory } from '../../src/client/key-directory.ts';
import { MemoryState, type StateStore } from '../../src/client/state/client-state.ts';
import { formatVkey } from '../../src/core/audit/vkey.ts';
import { formatBase64 } from '../../src/core/encoding/bytes.ts';
import { encode } from '../../src/core/encoding/codec.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';
import { configurationCodec } from '../../src/core/keytrans/configuration.ts';
import { signTrustBundle } from '../../src/contract/bundle-signature.ts';
import { formatTrustBundle } from '../../src/contract/parse-trust-bundle.ts';
import type { SignedTrustBundle, TrustBundle } from '../../src/contract/trust-bundle.ts';
import type { RateLimitSettings } from '../../src/http/rate-limits.ts';
import { readExplorer } from '../../src/http/explorer-files.ts';
import { Metrics } from '../../src/http/metrics.ts';
import { createOperatorApp } from '../../src/http/operator-routes.ts';
import { serveApi, type TlsFiles } from '../../src/http/server.ts';
import type { CertificateHeader } from '../../src/http/shown-certificate.ts';
import type { AcmeAttestSettings, AcmeMailSettings } from '../../src/service/acme/acme-settings.ts';
import { createTestLog, type TestLog, type TestLogOptions } from './test-log.ts';

/** A log that is served over HTTP on loopback. */
export interface TestServer {
  readonly log: TestLog;
  readonly url: string;
  readonly bundle: SignedTrustBundle;
  readonly bundleKey: Signer;
  readonly metrics: Metrics;
  /** What a listener for operators serves. */
  readonly operators: Hono;
  /** Errors that the HTTP layer was told of. */
  readonly errors: unknown[];
  /** Opens a client with the server's clock. */
  client(state?: StateStore): Promise<KeyDirectory>;
  close(): Promise<void>;
}

/** The trust bundle of a test log. */
export function bundleOf(log: TestLog, bundleKey: Signer, witnessPolicy = 'quorum none'): TrustBundle {
  const { keys, configuration, origin, noteSigner, checkpointCosigner, reloadable, identityRules } = log.context;
  return {
    format: 1,
    ...(reloadable.allowsMlDsa ? { requires: ['ml-dsa'] as const } : {}),
    sequence: 1,
    origin,
    roots: keys.issuer.chain.slice(-1).map((der) => formatPem('CERTIFICATE', der)),
    issuers: [formatPem('CERTIFICATE', keys.issuer.certificate.der)],
    keytransConfiguration: formatBase64(encode(configurationCodec, configuration)),
    auditLogVkeys: [noteSigner.vkey, ...(checkpointCosigner === undefined ? [] : [checkpointCosigner.vkey])].map(
      formatVkey,
    ),
    witnessPolicy,
    recoveryDelayMs: 7 * 86_400_000,
    identityRules,
    bundleKey: formatBase64(bundleKey.publicKey),
  };
}

/** What differs from server to server. */
export interface TestServerOptions extends TestLogOptions {
  readonly rateLimits?: RateLimitSettings;
  readonly tls?: TlsFiles;
  readonly certificateHeader?: () => CertificateHeader;
  /** True to serve ACME, or with these proofs by mail. */
  readonly acme?: boolean | AcmeMailSettings;
  /** Proofs of devices, where ACME is served. */
  readonly attest?: () => AcmeAttestSettings | undefined;
  /** True to serve the explorer at `/`, as it was built. */
  readonly explorer?: boolean;
  /** True to serve operators elsewhere: by {@link TestServer.operators}. */
  readonly hasOperatorListener?: boolean;
}

function acmeOf({ acme, attest }: TestServerOptions, url: () => string) {
  if (acme === undefined || acme === false) return {};
  return { acme: () => ({ url: url(), attest: attest?.(), ...(acme !== true && { mail: acme }) }) };
}

/** Makes a log and serves it over HTTP. */
export async function createTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const log = await createTestLog(options);
  const bundleKey = signerFromKey(await createKey('ed25519'));
  const bundle = await signTrustBundle(bundleOf(log, bundleKey, options.witnesses?.text), [bundleKey]);
  const metrics = new Metrics();
  const errors: unknown[] = [];
  const { issuer } = log.context.keys;
  const operated = { service: log.service, metrics, ping: () => log.store.ping() };
  let url = '';
  const server = await serveApi({
    ...operated,
    ...acmeOf(options, () => url),
    hasOperatorListener: options.hasOperatorListener,
    documents: {
      root: issuer.chain.at(-1) as Uint8Array,
      issuer: issuer.certificate.der,
      trustBundle: formatTrustBundle(bundle),
    },
    ...(options.rateLimits && { rateLimits: options.rateLimits }),
    ...(options.certificateHeader && { certificateHeader: options.certificateHeader }),
    tls: options.tls,
    explorer: options.explorer === true ? readExplorer() : undefined,
    onError: (error) => errors.push(error),
    listen: { host: '127.0.0.1', port: 0 },
  });
  url = server.url;
  return {
    log,
    url,
    bundle,
    bundleKey,
    metrics,
    operators: createOperatorApp(operated),
    errors,
    client: (state = new MemoryState()) => KeyDirectory.open({ server: url, state, now: log.clock.now }),
    close: async () => {
      await server.close();
      await log.close();
    },
  };
}
