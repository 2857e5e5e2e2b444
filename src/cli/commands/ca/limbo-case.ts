import { parsePem } from '../../../ca/der/pem.ts';
import { KEY_USAGES, type KeyUsage } from '../../../ca/certificate-extensions.ts';
import { PurposeOid } from '../../../ca/der/oids.ts';
import {
  assertPeer,
  checkRevocation,
  type PathCertificate,
  type PathProfile,
  type PeerNames,
  validatePath,
} from '../../../ca/path/index.ts';
import { JsonFields } from '../../../contract/json-fields.ts';
import type { ErrorCode } from '../../../core/error-codes.ts';
import { ensure, GlasskeyError } from '../../../core/errors.ts';

/** The result of one test case. */
export interface LimboOutcome {
  readonly id: string;
  readonly expected: 'SUCCESS' | 'FAILURE';
  readonly outcome: 'accepted' | 'refused' | 'skipped';
  /** The code of a refusal. */
  readonly code?: ErrorCode;
  /** The reason for a refusal or a skip, in words. */
  readonly reason?: string;
}

const MAX_CASES = 100_000;
const MAX_PEM = 1_000_000;
const CODE = 'malformed-encoding';

/** Features whose cases are skipped on purpose, with the reason. */
const SKIPPED_FEATURES: ReadonlyMap<string, string> = new Map([
  ['pedantic-public-suffix-wildcard', 'the validator has no list of public suffixes'],
  ['pedantic-rfc5280', 'the validator does not judge how a trust anchor was issued'],
  ['no-cert-policies', 'the validator processes certificate policies'],
]);

/** Reads a file in the schema of x509-limbo, version 1. Throws `malformed-encoding`. */
export function parseLimbo(text: string): readonly JsonFields[] {
  const file = new JsonFields(parseWithoutNull(text), CODE, 'limbo');
  ensure(file.integer('version') === 1, CODE, 'not version 1 of the x509-limbo schema');
  return file
    .array('testcases', { minimum: 0, maximum: MAX_CASES })
    .map((one, i) => new JsonFields(one, CODE, `case ${i}`));
}

/** Parses JSON; in this schema, null stands for a missing member. */
function parseWithoutNull(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => (value === null ? undefined : value)) as unknown;
  } catch (cause) {
    throw new GlasskeyError(CODE, 'the file of test cases is not JSON', { cause });
  }
}

/**
 * Runs one test case by the rules of `profile`. Throws `malformed-encoding` for a case that does not fit the schema.
 */
export async function runLimboCase(fields: JsonFields, profile?: PathProfile): Promise<LimboOutcome> {
  const id = fields.string('id', 1_000);
  const expected = fields.oneOf('expected_result', ['SUCCESS', 'FAILURE']);
  const skipped = reasonToSkip(id, fields);
  if (skipped !== undefined) return { id, expected, outcome: 'skipped', reason: skipped };
  const validate = prepare(fields, profile);
  try {
    await validate();
    return { id, expected, outcome: 'accepted' };
  } catch (error) {
    if (!(error instanceof GlasskeyError)) throw error;
    return { id, expected, outcome: 'refused', code: error.code, reason: error.message };
  }
}

function reasonToSkip(id: string, fields: JsonFields): string | undefined {
  const strings = (name: string): readonly string[] =>
    fields.has(name) ? fields.strings(name, { minimum: 0, maximum: 100 }, 1_000) : [];
  const refused = strings('features').find((feature) => SKIPPED_FEATURES.has(feature));
  if (refused !== undefined) return SKIPPED_FEATURES.get(refused);
  if (id.startsWith('webpki::cn::')) return 'the validator does not read common names';
  if (strings('signature_algorithms').length > 0) return 'the caller cannot choose signature algorithms';
  const contradicts =
    id.startsWith('webpki::') && strings('conflicts_with').some((other) => other.startsWith('rfc5280::'));
  return contradicts ? 'the rule of the Web PKI contradicts RFC 5280, which decides here' : undefined;
}

/** Reads a whole case first, so that only the validation itself can refuse it. */
function prepare(fields: JsonFields, profile: PathProfile | undefined): () => Promise<void> {
  const pems = (name: string): readonly string[] =>
    fields.has(name) ? fields.strings(name, { minimum: 0, maximum: 2_000 }, MAX_PEM) : [];
  const [anchors, intermediates, crls] = [pems('trusted_certs'), pems('untrusted_intermediates'), pems('crls')];
  const leaf = fields.string('peer_certificate', MAX_PEM);
  const atMs = fields.has('validation_time') ? parseTime(fields) : Date.now();
  const isServer = fields.oneOf('validation_kind', ['SERVER', 'CLIENT']) === 'SERVER';
  const maxDepth = fields.has('max_chain_depth') ? fields.integer('max_chain_depth') : undefined;
  const [peer, ...others] = readPeers(fields);
  const purposes = pems('extended_key_usage').map((name) => purposeOid(name));
  const keyUsage = pems('key_usage').map((name) => usageOf(name));
  return async () => {
    const der = (pem: string): Uint8Array => parsePem('CERTIFICATE', pem);
    const [purpose = isServer ? PurposeOid.serverAuth : undefined] = purposes;
    const accept = async (path: readonly PathCertificate[]): Promise<void> => {
      for (const other of others) assertPeer(path[0] as PathCertificate, other);
      const encoded = crls.map((pem) => parsePem('X509 CRL', pem));
      if (encoded.length === 0) return;
      await checkRevocation(path, encoded, atMs, { certificates: intermediates.map(der), profile });
    };
    await validatePath({
      leaf: der(leaf),
      intermediates: intermediates.map(der),
      anchors: anchors.map(der),
      atMs,
      maxDepth,
      purpose,
      keyUsage,
      profile,
      ...peer,
      accept,
      acceptsCa: true,
    });
  };
}

function parseTime(fields: JsonFields): number {
  const timeMs = Date.parse(fields.string('validation_time', 40));
  if (Number.isNaN(timeMs)) throw fields.failure('validation_time', 'is not a time');
  return timeMs;
}

const PEER_KINDS = { DNS: 'host', IP: 'ip', RFC822: 'email' } as const;

function readPeers(fields: JsonFields): readonly PeerNames[] {
  const names = fields.has('expected_peer_names')
    ? fields.array('expected_peer_names', { minimum: 0, maximum: 100 })
    : [];
  const one = fields.has('expected_peer_name') ? [fields.object('expected_peer_name')] : [];
  return [...one, ...names.map((name) => new JsonFields(name, CODE, 'peer name'))].map((name) => ({
    [PEER_KINDS[name.oneOf('kind', ['DNS', 'IP', 'RFC822'])]]: name.string('value', 1_000),
  }));
}

const PURPOSES: ReadonlyMap<string, string> = new Map([
  ['anyExtendedKeyUsage', PurposeOid.any],
  ['serverAuth', PurposeOid.serverAuth],
  ['clientAuth', PurposeOid.clientAuth],
  ['codeSigning', '1.3.6.1.5.5.7.3.3'],
  ['emailProtection', PurposeOid.emailProtection],
  ['timeStamping', '1.3.6.1.5.5.7.3.8'],
  ['OCSPSigning', '1.3.6.1.5.5.7.3.9'],
]);

function purposeOid(name: string): string {
  const oid = PURPOSES.get(name);
  ensure(oid !== undefined, CODE, 'unknown extended key usage');
  return oid;
}

function usageOf(name: string): KeyUsage {
  const usage = KEY_USAGES.find((one) => one === (name === 'contentCommitment' ? 'nonRepudiation' : name));
  ensure(usage !== undefined, CODE, 'unknown key usage');
  return usage;
}
