import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AKD_DECODERS } from '../support/decoders/akd-decoders.ts';
import { ACME_DECODERS } from '../support/decoders/acme-decoders.ts';
import { BACKUP_DECODERS } from '../support/decoders/backup-decoders.ts';
import { CA_DECODERS } from '../support/decoders/ca-decoders.ts';
import { CLIENT_DECODERS } from '../support/decoders/client-decoders.ts';
import { CONTRACT_DECODERS } from '../support/decoders/contract-decoders.ts';
import { CORE_DECODERS } from '../support/decoders/core-decoders.ts';
import { DELIVERY_DECODERS } from '../support/decoders/delivery-decoders.ts';
import type { Decoder } from '../support/decoders/decoder.ts';
import { E2EE_DECODERS } from '../support/decoders/e2ee-decoders.ts';
import { expectBounded, expectNothingElse, expectRoundTrip } from '../support/decoders/decoder-laws.ts';
import { IDENTITY_DECODERS } from '../support/decoders/identity-decoders.ts';
import { PATH_DECODERS } from '../support/decoders/path-decoders.ts';
import { WITNESS_DECODERS } from '../support/decoders/witness-decoders.ts';
import { KEYTRANS_DECODERS } from '../support/decoders/keytrans-decoders.ts';

const SOURCE = resolve(import.meta.dirname, '../../src');

/** Every decoder there is, by the room that has it. */
const TABLE: readonly [string, readonly Decoder[]][] = [
  ['core', CORE_DECODERS],
  ['core/keytrans', KEYTRANS_DECODERS],
  ['identity', IDENTITY_DECODERS],
  ['contract', CONTRACT_DECODERS],
  ['akd', AKD_DECODERS],
  ['contract, of ACME', ACME_DECODERS],
  ['ca', CA_DECODERS],
  ['ca/path', PATH_DECODERS],
  ['delivery', DELIVERY_DECODERS],
  ['witnesses', WITNESS_DECODERS],
  ['client', CLIENT_DECODERS],
  ['client/e2ee', E2EE_DECODERS],
  ['client/backup', BACKUP_DECODERS],
];

/** Exports that look like decoders and are none, or are tried elsewhere. */
const EXEMPT: Readonly<Record<string, string>> = {
  decode: 'runs a codec',
  decodeError: 'makes an error',
  decodeLossyUtf8: 'refuses nothing: test/core/encoding/utf8.test.ts',
  decodeUtf8ByHand: 'reads as decodeUtf8 does: test/core/encoding/utf8.test.ts',
  decodeTileDelta: 'needs the tile that it changes: test/core/prefix/tile-delta.test.ts',
  parseGeneralName: 'reads an element of what parseGeneralNames reads',
  parseSmtpUtf8Mailbox: 'reads an element of what parseGeneralNames and parseAlternativeNames read',
  parseAnchors: 'lists what parsePathAnchor refuses',
  parseRelativeName: 'reads an element of what parseRelativeNames reads',
  parseCredential: 'needs a log: test/client/credential.test.ts; its parts are codecs of this table',
  parseCsr: 'asynchronous: test/ca/csr/csr.test.ts',
};

describe.each(TABLE)('decoders of %s', (_, decoders) => {
  describe.each(
    decoders.map((decoder) => ({ decoder, title: [decoder.name, decoder.variant].filter(Boolean).join(': ') })),
  )('$title', ({ decoder }) => {
    it('reads what was written, whole', () => expectRoundTrip(decoder));
    it('refuses everything else, or reads it in one way', () => expectNothingElse(decoder));
    it('takes bounded time and memory', () => expectBounded(decoder));
  });
});

describe('the table of decoders', () => {
  it('names every one that the rooms export', () => {
    const named = new Set(TABLE.flatMap(([, decoders]) => decoders.map(({ name }) => name)));
    const missing = ['core', 'identity', 'contract', 'akd', 'ca', 'client', 'delivery']
      .flatMap((room) => exportedDecoders(join(SOURCE, room)))
      .filter((name) => !named.has(name) && !Object.hasOwn(EXEMPT, name));
    expect(missing).toEqual([]);
  });
});

/** Names of exported codecs, and of exported functions that decode or parse. */
function exportedDecoders(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const pattern = /^export (?:async )?(?:const|function) ((?:decode|parse)\w*|\w+Codec)\b/gm;
  return files.flatMap((file) => {
    return [...readFileSync(join(folder, file), 'utf8').matchAll(pattern)].map(([, name]) => name as string);
  });
}
