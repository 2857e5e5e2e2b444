import { configurationCodec } from '../core/keytrans/configuration.ts';
import { parseVkey } from '../core/audit/vkey.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { assertIdentityRules } from '../identity/identity-rules.ts';
import type { IdentityRules } from '../identity/identity.ts';
import { verifyBundleSignatures } from './bundle-signature.ts';
import { JsonFields, parseJson } from './json-fields.ts';
import { MAX_BUNDLE_CHARACTERS } from './input-sizes.ts';
import { readPem } from './pem-text.ts';
import { readRequirements } from './requirements.ts';
import type { BundleSignature, SignedTrustBundle, TrustBundle } from './trust-bundle.ts';

const CODE = 'bad-bundle';
const MAX_CERTIFICATES = 16;
const MAX_VKEYS = 16;
/** Each change of a log's auditor adds one. */
const MAX_EARLIER = 64;
const MAX_PEM_CHARACTERS = 16 * 1024;
const MAX_POLICY_CHARACTERS = 64 * 1024;
const MAX_SIGNATURES = 8;

const MEMBERS = [
  'format',
  'requires',
  'sequence',
  'origin',
  'publicUrl',
  'roots',
  'issuers',
  'keytransConfiguration',
  'earlierConfigurations',
  'auditLogVkeys',
  'witnessPolicy',
  'recoveryDelayMs',
  'identityRules',
  'bundleKey',
];

/**
 * Reads the text of an untrusted trust bundle. Every member must be known and well-formed, and every signature valid,
 * including one by its own key. This makes the bundle intact, not trusted: see `assertSuccessor`, and pinning on first
 * use. Throws `bad-bundle`, and `unsupported-log` if the log requires something that this client does not have.
 */
export function parseTrustBundle(text: string): SignedTrustBundle {
  if (text.length > MAX_BUNDLE_CHARACTERS) throw new GlasskeyError(CODE, 'the bundle is too long');
  const fields = new JsonFields(parseJson(text, CODE), CODE, 'bundle');
  readRequirements(fields);
  fields.only([...MEMBERS, 'signatures']);
  const signed = { bundle: readBundle(fields), signatures: readSignatures(fields) };
  verifyBundleSignatures(signed);
  return signed;
}

/** Formats a bundle as the text that `/.well-known/glasskey` serves. */
export function formatTrustBundle({ bundle, signatures }: SignedTrustBundle): string {
  return `${JSON.stringify({ ...bundle, signatures }, undefined, 2)}\n`;
}

/** Throws `bad-bundle` if {@link parseTrustBundle} would refuse `bundle`. */
export function assertTrustBundle(bundle: TrustBundle): void {
  readBundle(new JsonFields(bundle, CODE, 'bundle').only(MEMBERS));
}

function readBundle(fields: JsonFields): TrustBundle {
  if (fields.integer('format') !== 1) throw fields.failure('format', 'is not 1');
  fields.base64('bundleKey', { minimum: 32, maximum: 32 });
  const requires = readRequirements(fields);
  return {
    format: 1,
    ...(requires === undefined ? {} : { requires }),
    sequence: fields.integer('sequence'),
    origin: readOrigin(fields),
    ...(fields.has('publicUrl') ? { publicUrl: readUrl(fields) } : {}),
    roots: readCertificates(fields, 'roots'),
    issuers: readCertificates(fields, 'issuers'),
    keytransConfiguration: readConfiguration(fields),
    ...(fields.has('earlierConfigurations') ? { earlierConfigurations: readEarlier(fields) } : {}),
    auditLogVkeys: readVkeys(fields),
    witnessPolicy: fields.string('witnessPolicy', MAX_POLICY_CHARACTERS),
    recoveryDelayMs: fields.integer('recoveryDelayMs'),
    identityRules: readRules(fields),
    bundleKey: fields.string('bundleKey', 44),
  };
}

/** A C2SP origin. It is also a line of a checkpoint and a field of a ChangeRequest. */
function readOrigin(fields: JsonFields): string {
  const origin = fields.string('origin', 255);
  if (!/^[\x21-\x2a\x2c-\x7e]+$/.test(origin))
    throw fields.failure('origin', 'is not printable ASCII without + and space');
  return origin;
}

function readUrl(fields: JsonFields): string {
  const text = fields.string('publicUrl', 1024);
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    url = undefined;
  }
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.href.replace(/\/$/, '') === text;
  if (!plain || /[?#@]/.test(text))
    throw fields.failure('publicUrl', 'is not a plain http or https URL without a trailing slash');
  return text;
}

function readCertificates(fields: JsonFields, name: 'roots' | 'issuers'): readonly string[] {
  const certificates = fields.strings(name, { minimum: 1, maximum: MAX_CERTIFICATES }, MAX_PEM_CHARACTERS);
  if (certificates.some((pem) => readPem(pem, ['CERTIFICATE']) === undefined)) {
    throw fields.failure(name, 'has an element that is not one CERTIFICATE in PEM');
  }
  return certificates;
}

function readConfiguration(fields: JsonFields): string {
  const encoded = fields.base64('keytransConfiguration', { minimum: 1, maximum: 4096 });
  try {
    decode(configurationCodec, encoded);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw fields.failure('keytransConfiguration', 'is not an encoded Configuration');
  }
  return fields.string('keytransConfiguration', 6000);
}

function readEarlier(fields: JsonFields): readonly string[] {
  const earlier = fields.strings('earlierConfigurations', { minimum: 1, maximum: MAX_EARLIER }, 6000);
  try {
    for (const one of earlier) decode(configurationCodec, parseBase64(one));
  } catch (error) {
    if (!isGlasskeyError(error) && !(error instanceof RangeError)) throw error;
    throw fields.failure('earlierConfigurations', 'has an element that is not an encoded Configuration');
  }
  return earlier;
}

function readVkeys(fields: JsonFields): readonly string[] {
  const vkeys = fields.strings('auditLogVkeys', { minimum: 1, maximum: MAX_VKEYS }, 4096);
  try {
    vkeys.forEach(parseVkey);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw fields.failure('auditLogVkeys', 'has an element that is not a vkey');
  }
  return vkeys;
}

function readRules(fields: JsonFields): IdentityRules {
  const members = fields.object('identityRules').only(['localPart', 'uriSchemes']);
  const rules: IdentityRules = {
    localPart: members.oneOf('localPart', ['fold-lower-case']),
    uriSchemes: members.strings('uriSchemes', { minimum: 0, maximum: 32 }, 32),
  };
  try {
    assertIdentityRules(rules);
  } catch (error) {
    if (!isGlasskeyError(error)) throw error;
    throw fields.failure('identityRules', 'are not valid');
  }
  return rules;
}

function readSignatures(fields: JsonFields): readonly BundleSignature[] {
  return fields.array('signatures', { minimum: 1, maximum: MAX_SIGNATURES }).map((value) => {
    const members = new JsonFields(value, CODE, 'bundle.signatures').only(['key', 'signature']);
    members.base64('key', { minimum: 32, maximum: 32 });
    members.base64('signature', { minimum: 64, maximum: 64 });
    return { key: members.string('key', 44), signature: members.string('signature', 88) };
  });
}
