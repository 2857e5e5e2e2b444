import { createHash, type KeyObject } from 'node:crypto';
import { parseAnchors } from '../../src/ca/path/index.ts';
import { concatBytes, encodeUtf8 } from '../../src/core/encoding/bytes.ts';
import type { AcmeAttestSettings } from '../../src/service/acme/acme-settings.ts';
import { type Made, type MadeExtension, makeCa, makeLeaf, newKey, plain } from '../ca/path/made-certificates.ts';
import { TEST_START_MS } from './test-log.ts';

/** Extensions of an attestation. */
export const SERIAL_OID = '1.2.840.113635.100.8.9.1';
export const FRESHNESS_OID = '1.2.840.113635.100.8.11.1';

const DAY_MS = 86_400_000;
const VALID = { fromMs: TEST_START_MS - DAY_MS, toMs: TEST_START_MS + 30 * DAY_MS };

/** Encodes the head of a CBOR item (RFC 8949 §3): the major type and the length in its shortest form. */
function head(type: number, length: number): Uint8Array {
  const first = type << 5;
  if (length < 24) return Uint8Array.of(first | length);
  return length < 256
    ? Uint8Array.of(first | 24, length)
    : Uint8Array.of(first | 25, Math.floor(length / 256), length % 256);
}

const text = (value: string): Uint8Array => concatBytes(head(3, encodeUtf8(value).length), encodeUtf8(value));
const bytes = (value: Uint8Array): Uint8Array => concatBytes(head(2, value.length), value);

/** An attestation object, as a device sends it. */
export function attestationObject(
  certificates: readonly Uint8Array[],
  { format = 'apple', authData }: { readonly format?: string; readonly authData?: Uint8Array | undefined } = {},
): Uint8Array {
  return concatBytes(
    head(5, authData === undefined ? 2 : 3),
    text('fmt'),
    text(format),
    text('attStmt'),
    head(5, 1),
    text('x5c'),
    head(4, certificates.length),
    ...certificates.map(bytes),
    ...(authData === undefined ? [] : [text('authData'), bytes(authData)]),
  );
}

/** What an attestation is to say; everything has a good default but the token. */
export interface AttestationRecipe {
  readonly token: string;
  readonly serialNumber?: string;
  readonly key?: KeyObject;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** More extensions, or undefined to leave one out. */
  readonly extensions?: Readonly<Record<string, MadeExtension | undefined>> | undefined;
}

/** The freshness that a token asks for. */
export function freshnessOf(token: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/** A manufacturer whose CAs attest to devices. */
export class TestManufacturer {
  readonly root: Made = makeCa({ subject: 'Attestation Root', ...VALID, toMs: TEST_START_MS + 900 * DAY_MS });
  readonly issuer: Made = makeCa({ subject: 'Attestation CA', ...VALID }, this.root);

  /** The setting that trusts this manufacturer alone. */
  settings(prefix = 'urn:dev:os:63-'): AcmeAttestSettings {
    return { roots: parseAnchors([this.root.der]), prefix };
  }

  /** The leaf that attests to a key. */
  leaf({ token, serialNumber = 'C02ABC123', key = newKey(), extensions, ...validity }: AttestationRecipe): Made {
    return makeLeaf(this.issuer, {
      subject: 'a device',
      key,
      ...VALID,
      ...validity,
      extensions: {
        '2.5.29.17': undefined,
        '2.5.29.37': undefined,
        '2.5.29.35': undefined,
        [SERIAL_OID]: plain(encodeUtf8(serialNumber)),
        [FRESHNESS_OID]: plain(freshnessOf(token)),
        '1.2.840.113635.100.8.9.2': plain(encodeUtf8('00008030-000000000000002E')),
        ...extensions,
      },
    });
  }

  /** A whole attestation object. */
  attest(recipe: AttestationRecipe): Uint8Array {
    return attestationObject([this.leaf(recipe).der, this.issuer.der]);
  }
}
