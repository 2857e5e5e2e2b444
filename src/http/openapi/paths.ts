import {
  MAX_JSON_BODY_BYTES,
  MAX_KEYTRANS_BODY_BYTES,
  MAX_LOOKUP_BATCH_BODY_BYTES,
  MAX_OCSP_REQUEST_BYTES,
} from '../../contract/input-sizes.ts';
import {
  CERTIFICATE_MEDIA_TYPE,
  CERTS_ONLY_MEDIA_TYPE,
  CRL_MEDIA_TYPE,
  CSR_ATTRIBUTES_MEDIA_TYPE,
  CSR_MEDIA_TYPE,
  JSON_MEDIA_TYPE,
  KEYTRANS_MEDIA_TYPE,
  LOOKUP_TOKEN_HEADER,
  OCSP_REQUEST_MEDIA_TYPE,
  OCSP_RESPONSE_MEDIA_TYPE,
  PEM_MEDIA_TYPE,
} from '../../contract/media-types.ts';
import { CA_PREFIX, CRL_PREFIX, EXPLORER_PREFIX, PATHS } from '../../contract/paths.ts';
import { MAXIMUM_BATCH_LABELS } from '../../core/keytrans/lookup-batch-messages.ts';
import { KEYTRANS_OPERATIONS } from '../../service/prover/keytrans-operations.ts';
import type { KeytransName } from '../../service/prover/prover.ts';
import { ACME_OPERATIONS } from './acme-paths.ts';
import { text, integer, object, reference, binary, type Schema } from './schema.ts';

const problems = {
  '4XX': { $ref: '#/components/responses/Problem' },
  '5XX': { $ref: '#/components/responses/Problem' },
};

function get(
  summary: string,
  contentType: string,
  schema: Schema = binary,
  parameters: readonly Schema[] = [],
): Schema {
  const ok = { description: summary, content: { [contentType]: { schema } } };
  return { get: { summary, ...(parameters.length > 0 ? { parameters } : {}), responses: { 200: ok, ...problems } } };
}

/** A CRL; 304 for a client that sends its `ETag`. */
function getCrl(summary: string, parameters: readonly Schema[] = []): Schema {
  const ok = { description: summary, content: { [CRL_MEDIA_TYPE]: { schema: binary } } };
  const responses = { 200: ok, 304: { description: 'The client has the CRL that If-None-Match names' }, ...problems };
  return { get: { summary, ...(parameters.length > 0 ? { parameters } : {}), responses } };
}

/** Credentials are HTTP Basic, with an application token as the password, or a client certificate. */
function estEnroll(summary: string): Schema {
  return {
    summary,
    requestBody: { required: true, content: { [CSR_MEDIA_TYPE]: { schema: { type: 'string' } } } },
    responses: {
      200: { description: 'The certificate', content: { [CERTS_ONLY_MEDIA_TYPE]: { schema: { type: 'string' } } } },
      202: { description: 'Not released yet: send the same request again after Retry-After' },
      ...problems,
    },
  };
}

function parameter(name: string, description: string): Schema {
  return { name, in: 'path', required: true, schema: { type: 'string' }, description };
}

function postJson(summary: string, status: number, request: string, answer: string): Schema {
  const description = `At most ${MAX_JSON_BODY_BYTES} bytes`;
  const ok = { description: summary, content: { [JSON_MEDIA_TYPE]: { schema: reference(answer) } } };
  return {
    post: {
      summary,
      security: [{ applicationToken: [] }, {}],
      requestBody: { required: true, description, content: { [JSON_MEDIA_TYPE]: { schema: reference(request) } } },
      responses: { [status]: ok, ...problems },
    },
  };
}

/** Header for private names. */
const LOOKUP_TOKEN: Schema = {
  name: LOOKUP_TOKEN_HEADER,
  in: 'header',
  required: false,
  description: 'Lookup token of the application (JWT): needed to look up private names',
  schema: text(2_048, 'JWT'),
};

function postKeytrans(summary: string, request: string, answer: string, maximum = MAX_KEYTRANS_BODY_BYTES): Schema {
  const description = `${request}, TLS-encoded; at most ${maximum} bytes`;
  const content = { [KEYTRANS_MEDIA_TYPE]: { schema: binary } };
  return {
    post: {
      summary,
      parameters: [LOOKUP_TOKEN],
      requestBody: { required: true, description, content },
      responses: { 200: { description: `${answer}, TLS-encoded`, content }, ...problems },
    },
  };
}

function keytransOperations(): Readonly<Record<string, Schema>> {
  return Object.fromEntries(
    Object.entries(KEYTRANS_OPERATIONS).map(([name, { summary, takes, gives }]) => [
      PATHS[name as KeytransName],
      postKeytrans(summary, takes, gives),
    ]),
  );
}

const OCTETS = 'application/octet-stream';
const tileParameters = [
  parameter('path', '<L>/<N>[.p/<W>] or entries/<N>[.p/<W>], as c2sp.org/tlog-tiles says, or updates/<N>'),
];

/** Every path of the API. Path parameters that span slashes are written `{path}`. */
export const OPENAPI_PATHS: Readonly<Record<string, Schema>> = {
  [PATHS.certificates]: postJson(
    'Register, add, renew or rotate a key',
    201,
    'CertificateRequest',
    'CertificateAnswer',
  ),
  [PATHS.emailChallenges]: postJson(
    'Send a code to an e-mail address. The answer does not depend on whether the name is registered',
    202,
    'EmailChallengeRequest',
    'EmailChallengeAnswer',
  ),
  [PATHS.registrationGrants]: postJson(
    'Let a device register one name without the application’s token',
    201,
    'RegistrationGrantRequest',
    'RegistrationGrantAnswer',
  ),
  [PATHS.acmeKeys]: postJson('Let an ACME client open one account', 201, 'AcmeKeyRequest', 'AcmeKeyAnswer'),
  [PATHS.revocations]: postJson('Revoke certificates', 200, 'RevocationRequest', 'RevocationAnswer'),
  [PATHS.recoveries]: postJson(
    'Recover an identity whose keys are lost: 202 while the recovery waits, 201 with the certificate',
    202,
    'RecoveryRequest',
    'RecoveryAnswer',
  ),
  [PATHS.vetoes]: postJson('Cancel a pending recovery', 200, 'VetoRequest', 'VetoAnswer'),
  [PATHS.notifyOrders]: postJson(
    'Add, remove or list the addresses where the owner of a name is told of changes, signed by a key of the name',
    200,
    'NotifyOrderRequest',
    'NotifyAnswer',
  ),
  [PATHS.notifyConfirmations]: postJson(
    'Confirm an address by the code that it received',
    200,
    'NotifyConfirmation',
    'NotifyAnswer',
  ),
  [PATHS.notifyKeys]: get(
    'Public keys by which receivers of notices know this server',
    JSON_MEDIA_TYPE,
    reference('NotifyKeys'),
  ),
  ...keytransOperations(),
  [PATHS.lookupBatch]: postKeytrans(
    `The same for up to ${MAXIMUM_BATCH_LABELS} labels at once, each with an outcome of its own`,
    'LookupBatchRequest',
    'LookupBatchResponse',
    MAX_LOOKUP_BATCH_BODY_BYTES,
  ),
  [PATHS.auditorHead]: {
    post: {
      summary: 'Deliver a head that the log’s third-party auditor has signed',
      requestBody: {
        required: true,
        description: 'AuditorTreeHead, TLS-encoded; its signature authenticates it',
        content: { [KEYTRANS_MEDIA_TYPE]: { schema: binary } },
      },
      responses: { 204: { description: 'Verified, and stored if it is the newest' }, ...problems },
    },
  },
  [PATHS.checkpoint]: get('Newest checkpoint of the audit log, a signed note', 'text/plain', { type: 'string' }),
  [PATHS.logEnd]: get(
    'SignedLogEnd of a log that has ended, TLS-encoded: names its successor. 404 until the log ends',
    OCTETS,
    binary,
  ),
  '/log/tile/{path}': get(
    'Hash tiles, entry bundles and update bundles of the audit log',
    OCTETS,
    binary,
    tileParameters,
  ),
  '/log/updates/{path}': get('AuditorUpdate of a log entry', OCTETS, binary, [
    parameter('path', 'Index of the entry in tlog-tiles form, such as x001/234'),
  ]),
  '/log/head/{size}': get(
    'KEYTRANS tree head of a released size',
    JSON_MEDIA_TYPE,
    object({ size: integer('Entries'), signature: text(128, 'Base64') }, ['size', 'signature']),
    [parameter('size', 'A released size')],
  ),
  '/log/proof/{size}': get(
    'c2sp.org/tlog-proof@v1 of the last entry of a released size, with the AuditEntry as extra data',
    'text/plain',
    { type: 'string' },
    [parameter('size', 'A released size')],
  ),
  [PATHS.rootPem]: get('Root certificate', PEM_MEDIA_TYPE, { type: 'string' }),
  [PATHS.rootDer]: get('Root certificate', CERTIFICATE_MEDIA_TYPE),
  [PATHS.issuerPem]: get('Certificate of the issuing CA', PEM_MEDIA_TYPE, { type: 'string' }),
  [PATHS.issuerDer]: get('Certificate of the issuing CA', CERTIFICATE_MEDIA_TYPE),
  [PATHS.issuerCrl]: getCrl('CRL of all certificates; 404 if more than 50,000 are revoked'),
  [`${CA_PREFIX}{path}`]: get('Certificate of an issuing CA after the first', CERTIFICATE_MEDIA_TYPE, binary, [
    parameter('path', 'Name of the CA, such as issuer-2, and .der or .pem'),
  ]),
  [`${CRL_PREFIX}issuer/{path}`]: getCrl('CRL of one shard of the certificates, which name it', [
    parameter('path', 'Number of the shard, with .crl, or -delta.crl for recent revocations'),
  ]),
  [`${CRL_PREFIX}issuers/{path}`]: getCrl('CRLs of an issuing CA after the first', [
    parameter('path', 'As for the first, with the name of the CA: issuer-2.crl, issuer-2/0.crl, issuer-2/0-delta.crl'),
  ]),
  [PATHS.ocsp]: {
    post: {
      summary: 'Get the revocation status of certificates (RFC 6960, RFC 5019)',
      requestBody: {
        required: true,
        description: `At most ${MAX_OCSP_REQUEST_BYTES} bytes`,
        content: { [OCSP_REQUEST_MEDIA_TYPE]: { schema: binary } },
      },
      responses: {
        200: { description: 'OCSPResponse', content: { [OCSP_RESPONSE_MEDIA_TYPE]: { schema: binary } } },
        ...problems,
      },
    },
  },
  [`${PATHS.ocsp}/{path}`]: get('The same, for caches', OCSP_RESPONSE_MEDIA_TYPE, binary, [
    parameter('path', 'Base64 of the OCSPRequest, percent-encoded; at most 1024 characters'),
  ]),
  [PATHS.estCaCerts]: get('EST: certificates of the CAs, in base64 (RFC 7030 §4.1)', CERTS_ONLY_MEDIA_TYPE),
  [PATHS.estCsrAttributes]: get('EST: attributes of a request (RFC 7030 §4.5)', CSR_ATTRIBUTES_MEDIA_TYPE),
  [PATHS.estEnroll]: { post: estEnroll('EST: a certificate for a PKCS#10 request in base64 (RFC 7030 §4.2.1)') },
  [PATHS.estReenroll]: { post: estEnroll('EST: another certificate for the same key (RFC 7030 §4.2.2)') },
  ...ACME_OPERATIONS,
  [PATHS.trustBundle]: get('The signed trust bundle that clients pin', JSON_MEDIA_TYPE, { type: 'object' }),
  [PATHS.health]: get('The process is alive', JSON_MEDIA_TYPE, { type: 'object' }),
  [PATHS.ready]: get(
    'Ready or not; with the results of the checks, unless another listener serves operators',
    JSON_MEDIA_TYPE,
    {
      type: 'object',
    },
  ),
  [PATHS.metrics]: get('Prometheus metrics; not found if another listener serves operators', 'text/plain', {
    type: 'string',
  }),
  [PATHS.openapi]: get('This document', JSON_MEDIA_TYPE, { type: 'object' }),
  [PATHS.start]: get('The explorer, for browsers; addresses to begin with, for programs', 'text/html', {
    type: 'string',
  }),
  [`${EXPLORER_PREFIX}{path}`]: get('Script and style of the explorer', 'text/javascript', binary, [
    parameter('path', 'A name that the explorer links to'),
  ]),
  [PATHS.docs]: get('This document as a page for people', 'text/html', { type: 'string' }),
};
