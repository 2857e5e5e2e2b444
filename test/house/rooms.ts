import type { InnerTable, RoomRule } from './import-table.ts';

/** Folders of `src/client` that are entry points of their own, and the packages that they alone may import. */
export const CLIENT_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  'client/backup/': ['@serenity-kit/'],
  'client/calls/': [],
  'client/e2ee/': ['@hpke/'],
  'client/mls/': ['ts-mls'],
};

/** The rooms of `src/` and what each may import. `docs/architecture.md#rooms` shows the same, for people. */
export const ROOMS: Readonly<Record<string, RoomRule>> = {
  core: { rooms: [], packages: ['@noble/'] },
  host: { rooms: [], packages: ['node:'] },
  delivery: { rooms: ['core', 'host'], packages: ['nodemailer', 'web-push', 'node:'] },
  native: { rooms: ['core'], packages: ['sodium-native', 'node:'] },
  ca: { rooms: ['core'], packages: ['pkijs', 'pkcs11js', '@peculiar/', '@noble/', 'node:'] },
  identity: { rooms: ['core'], packages: [] },
  contract: { rooms: ['core', 'identity'], packages: [] },
  // Audits logs of another kind; nothing of Glasskey's own log needs it.
  akd: { rooms: ['core'], packages: [] },
  store: { rooms: ['core', 'host'], packages: ['drizzle-orm', 'postgres', '@electric-sql/pglite', 'node:'] },
  service: {
    rooms: ['core', 'delivery', 'native', 'ca', 'identity', 'store/ports.ts'],
    packages: ['@noble/', 'aws4fetch', 'jose', 'node:'],
  },
  http: {
    rooms: ['service', 'watch', 'contract', 'core', 'ca/der/pem.ts'],
    packages: ['hono', '@hono/', 'prom-client', 'node:'],
  },
  client: {
    rooms: ['core', 'host', 'native', 'identity', 'contract', ...caVerifier()],
    packages: ['@noble/', 'node:', ...Object.values(CLIENT_ENTRIES).flat()],
  },
  // A watcher follows a log with the client's code.
  watch: {
    rooms: [
      'client',
      'contract',
      'core',
      'delivery',
      'identity',
      'ca/certificate.ts',
      'ca/verify-signature.ts',
      'service/token-buckets.ts',
    ],
    packages: ['node:'],
  },
  // The auditor's server follows and audits a log with the client's code.
  server: {
    rooms: ['http', 'service', 'store', 'ca', 'identity', 'contract', 'core', 'client', 'delivery', 'watch', 'host'],
    packages: ['pino', 'smol-toml', 'zod', 'node:'],
  },
  cli: {
    rooms: ['client', 'contract', 'core', 'delivery', 'native', 'identity', 'server', 'service', 'http', 'ca', 'akd'],
    packages: ['commander', 'cli-progress', 'uqr', '@electric-sql/pglite', 'node:'],
  },
  // The explorer, a page that verifies in the browser with the client's code.
  web: { rooms: ['client'], packages: ['uqr'] },
};

/** Loose files of `src/service` that every room inside it may import. */
export const SERVICE_BASE = [
  'service-limits.ts',
  'file-system.ts',
  'semaphore.ts',
  'budget-exchange.ts',
  'token-buckets.ts',
  'service-event.ts',
];

/** The rooms inside `src/service`, lowest first. */
export const SERVICE_ROOMS: InnerTable = {
  ...Object.fromEntries(SERVICE_BASE.map((name) => [name, []])),
  'token-buckets.ts': ['budget-exchange.ts'],
  threads: SERVICE_BASE,
  witnessing: SERVICE_BASE,
  'intake.ts': ['threads'],
  evidence: [...SERVICE_BASE, 'intake.ts'],
  log: [...SERVICE_BASE, 'evidence', 'threads', 'witnessing'],
  'reading.ts': SERVICE_BASE,
  'signer-health.ts': ['log'],
  publish: SERVICE_BASE,
  witness: [...SERVICE_BASE, 'log'],
  auditor: [...SERVICE_BASE, 'log'],
  revocation: [...SERVICE_BASE, 'log'],
  prover: [...SERVICE_BASE, 'log'],
  sequencing: [...SERVICE_BASE, 'log', 'witnessing'],
  issuance: [...SERVICE_BASE, 'evidence', 'intake.ts', 'log', 'prover', 'sequencing'],
  recovery: [...SERVICE_BASE, 'evidence', 'intake.ts', 'issuance', 'log', 'sequencing'],
  admin: [...SERVICE_BASE, 'issuance', 'log'],
  notify: [...SERVICE_BASE, 'evidence', 'intake.ts', 'issuance', 'log'],
  'log-service.ts': [
    ...SERVICE_BASE,
    'evidence',
    'issuance',
    'log',
    'notify',
    'prover',
    'reading.ts',
    'recovery',
    'revocation',
    'sequencing',
    'signer-health.ts',
  ],
  'readiness.ts': ['log-service.ts'],
  est: ['log', 'log-service.ts'],
  acme: [...SERVICE_BASE, 'evidence', 'intake.ts', 'log', 'log-service.ts'],
};

/** The part of `src/ca` that a client needs to verify certificates, to keep keys and to write a CSR. The rest issues. */
function caVerifier(): string[] {
  return [
    'certificate',
    'companion-keys',
    'companion-secret',
    'csr/sign-csr',
    'csr/csr-keys',
    'der/der-reader',
    'der/der-values',
    'der/der-writer',
    'der/oids',
    'der/pem',
    'ml-dsa-private-key',
    'public-key',
    'verify-chain',
    'verify-signature',
  ].map((name) => `ca/${name}.ts`);
}
