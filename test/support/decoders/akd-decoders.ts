import fc from 'fast-check';
import { decodeProofNodes } from '../../../src/akd/proof-nodes.ts';
import { formatObjectName, parseObjectName } from '../../../src/akd/object-name.ts';
import { parseObjectListing } from '../../../src/akd/object-listing.ts';
import { decodeProof, encodeProof } from '../akd-proofs.ts';
import { type Decoder, ofText, reading } from './decoder.ts';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const node = fc.record({ bits: fc.integer({ min: 0, max: 256 }), label: digest, value: digest });
const proof = fc.record({ inserted: fc.array(node, { maxLength: 5 }), unchanged: fc.array(node, { maxLength: 5 }) });

/** The decoders of `src/akd/`. */
export const AKD_DECODERS: readonly Decoder[] = [
  {
    name: decodeProofNodes.name,
    inputs: proof.map(encodeProof),
    read: reading(decodeProof, encodeProof),
    refusals: ['malformed-encoding', 'usage'],
    // Protobuf lets fields come in any order, and nodes can be left out at the end.
    canonical: false,
    selfDelimiting: false,
  },
  ofText({
    name: parseObjectName.name,
    texts: fc.record({ epoch: fc.maxSafeNat(), previous: digest, current: digest }).map(formatObjectName),
    read: parseObjectName,
    write: formatObjectName,
    refusals: ['malformed-encoding'],
    canonical: true,
  }),
  ofText({
    name: parseObjectListing.name,
    texts: fc
      .record({ keys: fc.array(fc.stringMatching(/^[\w/]{1,80}$/), { maxLength: 5 }), isTruncated: fc.boolean() })
      .map(listingOf),
    read: parseObjectListing,
    write: listingOf,
    refusals: ['bad-response'],
    canonical: false,
  }),
];

function listingOf({ keys, isTruncated }: ReturnType<typeof parseObjectListing>): string {
  const escaped = keys.map((key) => key.replaceAll('&', '&amp;').replaceAll('<', '&lt;'));
  const contents = escaped.map((key) => `<Contents><Key>${key}</Key></Contents>`);
  return `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${contents.join('')}</ListBucketResult>`;
}
