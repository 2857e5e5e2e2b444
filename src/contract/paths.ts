/** Every path of the HTTP contract (`docs/spec.md#http`) that has no parameter. */
export const PATHS = {
  certificates: '/v1/certificates',
  emailChallenges: '/v1/email-challenges',
  registrationGrants: '/v1/registration-grants',
  acmeKeys: '/v1/acme-keys',
  revocations: '/v1/revocations',
  recoveries: '/v1/recoveries',
  vetoes: '/v1/vetoes',
  notifyOrders: '/v1/notify-orders',
  notifyConfirmations: '/v1/notify-confirmations',
  notifyKeys: '/v1/notify-keys',
  search: '/keytrans/v1/search',
  lookup: '/keytrans/v1/lookup',
  lookupBatch: '/keytrans/v1/lookup-batch',
  chain: '/keytrans/v1/chain',
  contactMonitor: '/keytrans/v1/contact-monitor',
  ownerInit: '/keytrans/v1/owner-init',
  ownerMonitor: '/keytrans/v1/owner-monitor',
  update: '/keytrans/v1/update',
  distinguished: '/keytrans/v1/distinguished',
  credential: '/keytrans/v1/credential',
  credentialUpdate: '/keytrans/v1/credential-update',
  standing: '/keytrans/v1/standing',
  auditorHead: '/keytrans/v1/auditor-head',
  rootPem: '/ca/root.pem',
  rootDer: '/ca/root.der',
  issuerPem: '/ca/issuer.pem',
  issuerDer: '/ca/issuer.der',
  issuerCrl: '/crl/issuer.crl',
  ocsp: '/ca/ocsp',
  estCaCerts: '/.well-known/est/cacerts',
  estCsrAttributes: '/.well-known/est/csrattrs',
  estEnroll: '/.well-known/est/simpleenroll',
  estReenroll: '/.well-known/est/simplereenroll',
  acmeDirectory: '/acme/directory',
  acmeNewNonce: '/acme/new-nonce',
  acmeNewAccount: '/acme/new-account',
  acmeNewOrder: '/acme/new-order',
  acmeRevokeCertificate: '/acme/revoke-cert',
  acmeKeyChange: '/acme/key-change',
  acmeMail: '/acme/mail',
  checkpoint: '/log/checkpoint',
  logEnd: '/log/end',
  trustBundle: '/.well-known/glasskey',
  health: '/healthz',
  ready: '/readyz',
  metrics: '/metrics',
  openapi: '/openapi.json',
  start: '/',
  docs: '/docs',
} as const;

/**
 * Prefix of the audit log, as in C2SP tlog-tiles. Below it are `checkpoint`, `tile/<L>/<N>[.p/<W>]`,
 * `tile/entries/<N>[.p/<W>]`, and our own `updates/<N>`, `head/<size>` and `proof/<size>`. A log that has ended also
 * has `end`.
 */
export const LOG_PREFIX = '/log/';

/** Prefix of ACME. Below it, an id has 22 characters of base64url: `/acme/account/<id>`, `/acme/order/<id>`, … */
export const ACME_PREFIX = '/acme/';

/** Certificates of issuing CAs after the first: `/ca/issuers/<name>.der`, `/ca/issuers/<name>.pem`. */
export const CA_PREFIX = '/ca/issuers/';
/**
 * CRLs of the first issuing CA: `/crl/issuer/<N>.crl` for one shard of its certificates, `/crl/issuer/<N>-delta.crl`
 * for that shard's delta, and `/crl/issuer.crl` for all. Later CAs have `issuers/<name>` instead of `issuer`.
 */
export const CRL_PREFIX = '/crl/';

/** Script and style of the explorer, the page at `/`: `/explorer/<name>-<hash>.js`, `/explorer/<name>-<hash>.css`. */
export const EXPLORER_PREFIX = '/explorer/';

/** Hash tiles: `/log/tile/<L>/<N>[.p/<W>]` (tlog-tiles). */
export const TILE_PREFIX = '/log/tile/';

/** AuditorUpdates, one log entry each: `/log/updates/<N>`, N in tlog-tiles path form. */
export const UPDATES_PREFIX = '/log/updates/';

/** The signed KEYTRANS TreeHead of a released size: `/log/head/<size>`, size in decimal. */
export const HEAD_PREFIX = '/log/head/';

/** The `c2sp.org/tlog-proof@v1` of a released size's last entry: `/log/proof/<size>`, size in decimal. */
export const PROOF_PREFIX = '/log/proof/';

/** Paths of a third-party auditor's server: its newest AuditorTreeHead, and the evidence that made it stop. */
export const AUDITOR_PATHS = {
  head: '/auditor-head',
  evidence: '/evidence',
  health: '/healthz',
  metrics: '/metrics',
} as const;

/** Paths of a watcher's server (docs/spec.md#watcher-http). A feed's secret follows `feed`. */
export const WATCHER_PATHS = {
  description: '/v1/watcher',
  checkpoint: '/v1/checkpoint',
  mandates: '/v1/mandates',
  confirm: '/v1/confirm',
  confirmPage: '/confirm',
  feed: '/feed/',
  health: '/healthz',
  metrics: '/metrics',
} as const;
