import { REVOCATION_REASONS } from '../../contract/bodies.ts';
import {
  MAX_ACME_KEY_SECONDS,
  MAX_CODE_CHARACTERS,
  MAX_CSR_CHARACTERS,
  MAX_GRANT_CHARACTERS,
  MAX_GRANT_SECONDS,
  MAX_IDENTITY_CHARACTERS,
  MAX_ID_TOKEN_CHARACTERS,
  MAX_SERIALS,
} from '../../contract/input-sizes.ts';
import { ERROR_CODES } from '../../core/error-codes.ts';
import { text, integer, object, reference, type Schema } from './schema.ts';

const PEM = 'One PEM block';
const LAST = integer('Size of the tree head that the client holds; the proof in the answer is made for it');
const PROOF = text(
  4_194_304,
  'Base64 of the KEYTRANS SearchResponse for the greatest version and the given `last`. If the request has `owner`: ' +
    'of the UpdateResponses for later versions, empty if the owner knows them all',
);

const CHALLENGE = text(22, 'Id of the challenge that was requested with the same key');

/** Requests and answers, by name. */
export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Problem: {
    description: 'A failure (RFC 9457). Test `code`, which is stable.',
    type: 'object',
    properties: {
      type: { const: 'about:blank' },
      title: text(100, 'Phrase of the status'),
      status: integer('HTTP status'),
      detail: text(4096, 'What is wrong with the request, for people; absent if the server is at fault'),
      code: { type: 'string', enum: Object.keys(ERROR_CODES).sort() },
    },
    required: ['type', 'title', 'status', 'code'],
  },
  Change: {
    ...object(
      {
        request: text(16_384, 'Base64 of the encoded ChangeRequest'),
        signer: text(44, 'Base64 of the SHA-256 of the signer’s SubjectPublicKeyInfo'),
        signature: text(5464, 'Base64 of the signature over "glasskey change v1", a zero byte, and the request'),
      },
      ['request', 'signer', 'signature'],
    ),
    description: 'A change of an identity’s keys, signed by a key that its record certifies',
  },
  OwnerKnowledge: {
    ...object({ greatestVersion: integer('The greatest version that the owner knows of, if any') }, []),
    description: 'Makes the proof in the answer show the owner the versions created since (KEYTRANS Update)',
  },
  Evidence: {
    description:
      'The evidence for the identity. Default: `key` with a change, else `application-token`. To ask again for a ' +
      'recovery, `key` is enough',
    oneOf: [
      object({ type: { enum: ['application-token', 'key'] } }, ['type']),
      object(
        {
          type: { const: 'oidc' },
          token: text(MAX_ID_TOKEN_CHARACTERS, 'ID token whose nonce is base64url(SHA-256(SubjectPublicKeyInfo))'),
        },
        ['type', 'token'],
      ),
      object(
        { type: { const: 'grant' }, grant: text(MAX_GRANT_CHARACTERS, 'A registration grant of the application') },
        ['type', 'grant'],
      ),
      object({ type: { const: 'email' }, challenge: CHALLENGE, code: text(MAX_CODE_CHARACTERS, 'As typed') }, [
        'type',
        'challenge',
        'code',
      ]),
    ],
  },
  CertificateRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'alice@example.com, acct:alice@chat.example, tel:+15551234567, a URI'),
      csr: text(MAX_CSR_CHARACTERS, 'PKCS#10 request in PEM whose subjectAltName is the identity'),
      evidence: reference('Evidence'),
      change: reference('Change'),
      last: LAST,
      owner: reference('OwnerKnowledge'),
    },
    ['identity', 'csr'],
  ),
  EmailChallengeRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'E-mail address, as typed'),
      csr: text(MAX_CSR_CHARACTERS, 'PKCS#10 request in PEM for the key to register'),
    },
    ['identity', 'csr'],
  ),
  EmailChallengeAnswer: object({ challenge: CHALLENGE, expiresInSeconds: integer('Lifetime of the code') }, [
    'challenge',
    'expiresInSeconds',
  ]),
  RegistrationGrantRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      key: text(44, 'Base64 of the SHA-256 of the SubjectPublicKeyInfo that may be registered. Default: any'),
      lifetimeSeconds: integer(`1 to ${MAX_GRANT_SECONDS}. Default: 900`),
    },
    ['identity'],
  ),
  RegistrationGrantAnswer: object(
    {
      grant: text(MAX_GRANT_CHARACTERS, 'Evidence for one registration. A secret of the device'),
      expiresInSeconds: integer('Time in which it can be used'),
    },
    ['grant', 'expiresInSeconds'],
  ),
  AcmeKeyRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'The only name of the account. Default: all that applications vouch for'),
      lifetimeSeconds: integer(`1 to ${MAX_ACME_KEY_SECONDS}. Default: 86,400`),
      vouches: { type: 'boolean', description: 'False: each name of the account is proved by mail. Default: true' },
    },
    [],
  ),
  AcmeKeyAnswer: object(
    {
      keyId: text(124, 'Key id of the external account binding'),
      hmacKey: text(43, 'Its MAC key, base64url. A secret of the client'),
      expiresInSeconds: integer('Time in which it can open an account'),
      directory: text(255, 'URL of the directory'),
    },
    ['keyId', 'hmacKey', 'expiresInSeconds', 'directory'],
  ),
  CertificateAnswer: object(
    {
      identity: text(255, 'Canonical form'),
      version: integer('Version of the record that holds the certificate'),
      position: integer('Log entry that added that version'),
      treeSize: integer('Size of the tree head in the proof'),
      serial: text(40, 'Lower-case hexadecimal'),
      certificate: text(65_536, PEM),
      chain: { type: 'array', items: text(65_536, PEM), description: 'From the leaf’s issuer upwards' },
      proof: PROOF,
    },
    ['identity', 'version', 'position', 'treeSize', 'serial', 'certificate', 'chain', 'proof'],
  ),
  RecoveryRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      csr: text(MAX_CSR_CHARACTERS, 'PKCS#10 request in PEM for the key that recovers the identity'),
      evidence: reference('Evidence'),
      last: LAST,
    },
    ['identity', 'csr'],
  ),
  RecoveryAnswer: {
    oneOf: [
      object(
        {
          state: { const: 'pending' },
          identity: text(255, 'Canonical form'),
          version: integer('Version with the pending recovery'),
          position: integer('Log entry that added that version'),
          effectiveAt: integer('When it can take effect, ms since the epoch: send the request again then'),
          treeSize: integer('Size of the tree head in the proof'),
          proof: PROOF,
        },
        ['state', 'identity', 'version', 'position', 'effectiveAt', 'treeSize', 'proof'],
      ),
      {
        ...object({ state: { const: 'undecided' }, identity: text(255, 'Canonical form') }, ['state', 'identity']),
        description: 'Vetoed too often: the operator decides. Send the request again later',
      },
      {
        type: 'object',
        description: 'It took effect: also has the members of a CertificateAnswer',
        properties: { state: { const: 'effective' } },
        required: ['state'],
      },
    ],
  },
  VetoRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      change: reference('Change'),
      last: LAST,
      owner: reference('OwnerKnowledge'),
    },
    ['identity', 'change'],
  ),
  VetoAnswer: object(
    {
      identity: text(255, 'Canonical form'),
      version: integer('Version without the pending recovery'),
      position: integer('Log entry that added that version'),
      treeSize: integer('Size of the tree head in the proof'),
      proof: PROOF,
    },
    ['identity', 'version', 'position', 'treeSize', 'proof'],
  ),
  NotifyOrderRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      order: object(
        {
          order: { type: 'string', contentEncoding: 'base64', description: 'NotifyOrder, TLS-encoded' },
          signer: { type: 'string', contentEncoding: 'base64', description: 'SHA-256 of the signer’s SPKI' },
          signature: { type: 'string', contentEncoding: 'base64', description: 'By a key of the newest version' },
        },
        ['order', 'signer', 'signature'],
      ),
    },
    ['identity', 'order'],
  ),
  NotifyConfirmation: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      id: text(32, 'The address, lower-case hexadecimal'),
      code: text(64, 'The code that the address received'),
    },
    ['identity', 'id', 'code'],
  ),
  NotifyAnswer: object(
    {
      identity: text(255, 'Canonical form'),
      addresses: {
        type: 'array',
        items: object(
          {
            id: text(32, 'Names the address'),
            kind: { enum: ['mail', 'webhook', 'push'] },
            hint: text(255, 'Enough of the address for its owner to know it'),
            state: { enum: ['unconfirmed', 'confirmed', 'former'] },
            until: text(32, 'ISO 8601: the end of its code, or of a removed address'),
            told: text(32, 'ISO 8601: the last notice that was delivered'),
            failure: text(255, 'The last failure since then'),
          },
          ['id', 'kind', 'hint', 'state'],
        ),
      },
      added: text(32, 'The address that was added'),
    },
    ['identity', 'addresses'],
  ),
  NotifyKeys: object(
    {
      webhookKey: text(64, 'Ed25519 key of webhooks, as Standard Webhooks writes it: whpk_ and base64'),
      vapidKey: text(128, 'applicationServerKey of push subscriptions, base64url'),
    },
    ['webhookKey'],
  ),
  RevocationRequest: object(
    {
      identity: text(MAX_IDENTITY_CHARACTERS, 'As typed'),
      serials: { type: 'array', items: text(40, 'Lower-case hexadecimal'), minItems: 1, maxItems: MAX_SERIALS },
      all: { const: true, description: 'Instead of `serials`: every certificate of the identity' },
      reason: { enum: Object.keys(REVOCATION_REASONS), default: 'unspecified' },
      change: reference('Change'),
      last: LAST,
      owner: reference('OwnerKnowledge'),
    },
    ['identity'],
  ),
  RevocationAnswer: object(
    {
      identity: text(255, 'Canonical form'),
      version: integer('Version without the certificates'),
      position: integer('Log entry that added that version'),
      treeSize: integer('Size of the tree head in the proof'),
      revoked: { type: 'array', items: text(40, 'Lower-case hexadecimal') },
      proof: PROOF,
    },
    ['identity', 'version', 'position', 'treeSize', 'revoked', 'proof'],
  ),
};
