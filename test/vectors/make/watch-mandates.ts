import { addressesHash, formatMandate, type Mandate, mandateMessage } from '../../../src/client/mandate-text.ts';
import { KEYS, LABEL, NOW_MS, ORIGIN, seededBytes, seededSigner } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';

const ADDRESSES = ['mailto:alice@elsewhere.example', 'feed'];

/** Mandates of watchers as texts, the bytes that are signed for them, and the addresses that they are signed for. */
export async function makeWatchMandates(): Promise<OwnFile> {
  const mandate = await signed({});
  const text = formatMandate(mandate);
  const accepted = (name: string, one: Mandate, addresses: readonly string[]): OwnCase => ({
    name,
    input: { text: formatMandate(one), addresses },
    expect: {
      origin: one.origin,
      label: hex(one.label),
      watcher: hex(one.watcher),
      number: one.number,
      expiresMs: one.expiresMs,
      addressesHash: hex(addressesHash(addresses)),
      versions: one.versions.map(({ version, commitment }) => ({ version, commitment: hex(commitment) })),
      message: hex(mandateMessage(one)),
    },
  });
  return {
    primitive: 'watch-mandate',
    notes: [
      'input.text: a mandate as a text; input.addresses: the addresses that go with it.',
      'expect: what it says, the hash of the addresses, and the message that its signer signed.',
    ],
    cases: [
      accepted('two versions and two addresses', mandate, ADDRESSES),
      accepted('that the watcher shall stop', await signed({ addressesHash: addressesHash([]) }), []),
      refused('a letter too few', { text: text.slice(0, -1), addresses: ADDRESSES }, 'malformed-encoding'),
      refused('no versions', { text: text.replace('mandate', 'note'), addresses: ADDRESSES }, 'malformed-encoding'),
      refused(
        'with other terms than were signed',
        { text: formatMandate({ ...mandate, number: 1 }), addresses: ADDRESSES },
        'bad-signature',
      ),
      refused(
        'by another key',
        { text: formatMandate({ ...mandate, signer: KEYS.mallory.spki }), addresses: ADDRESSES },
        'bad-signature',
      ),
    ],
  };
}

async function signed(terms: Partial<Mandate>): Promise<Mandate> {
  const all = {
    origin: ORIGIN,
    label: LABEL,
    watcher: seededSigner(31).publicKey,
    number: NOW_MS,
    expiresMs: NOW_MS + 86_400_000,
    addressesHash: addressesHash(ADDRESSES),
    versions: [0, 3].map((version) => ({ version, commitment: seededBytes(`claimed ${version}`, 32) })),
    signer: KEYS.phone.spki,
    ...terms,
  };
  return { ...all, signature: await KEYS.phone.sign(mandateMessage(all)) };
}
