import { verifySpkiSignature } from '../../../src/ca/verify-signature.ts';
import { CONTINUITY_PORTS } from '../../../src/client/binding/verify-binding.ts';
import { commit } from '../../../src/core/crypto/commitment.ts';
import { equalBytes, formatHex, parseHex } from '../../../src/core/encoding/bytes.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { canonicalIdentity, identityOfLabel } from '../../../src/identity/canonical-identity.ts';
import { changeMessage, changeRequestCodec } from '../../../src/identity/change-request.ts';
import { checkChain } from '../../../src/identity/chain.ts';
import { decodeIdentityRecord, encodeIdentityRecord } from '../../../src/identity/identity-record.ts';
import { recordJson } from '../make/records.ts';
import type { OwnChecker } from './checker.ts';

export const checkIdentity: OwnChecker = ({ typed, rules }) => {
  const { text, label, san } = canonicalIdentity(typed, rules);
  if (identityOfLabel(label, rules).text !== text) throw new Error('the label gives another identity');
  return { text, label: formatHex(label), san };
};

export const checkRecord: OwnChecker = ({ value, label, version, opening }) => {
  const bytes = parseHex(value);
  const record = decodeIdentityRecord(bytes);
  if (!equalBytes(encodeIdentityRecord(record), bytes)) throw new Error('another encoding');
  const update = { value: bytes, signature: undefined };
  const commitment = commit({ opening: parseHex(opening), label: parseHex(label), version, update });
  return { record: recordJson(record), commitment: formatHex(commitment) };
};

export const checkChange: OwnChecker = async ({ request, spki, signature }) => {
  const bytes = parseHex(request);
  const { origin, label, version, previousCommitment, spkisAfter } = decode(changeRequestCodec, bytes);
  await verifySpkiSignature(parseHex(spki), changeMessage(bytes), parseHex(signature));
  const again = encode(changeRequestCodec, { origin, label, version, previousCommitment, spkisAfter });
  if (!equalBytes(again, bytes)) throw new Error('another encoding');
  return {
    origin,
    label: formatHex(label),
    version,
    previousCommitment: formatHex(previousCommitment),
    spkisAfter: spkisAfter.map(formatHex),
    message: formatHex(changeMessage(bytes)),
  };
};

interface LinkJson {
  readonly version: number;
  readonly opening: string;
  readonly value: string;
}

export const checkRecordChain: OwnChecker = async (input) => {
  const { origin, label, held, between, latest, commitment, earlier, waited } = input;
  const link = (json: LinkJson) => ({ opening: parseHex(json.opening), value: parseHex(json.value) });
  const known = [...((earlier as LinkJson[] | undefined) ?? []), held, ...between].map((json) => json && link(json));
  const { verdict, links, fault } = await checkChain({
    origin,
    label: parseHex(label),
    held: held === null ? undefined : heldVersion(held, parseHex(label)),
    between: (between as (LinkJson | null)[]).map((json) => (json === null ? undefined : link(json))),
    latest: { version: latest.version, commitment: parseHex(commitment), ...link(latest) },
    ports: CONTINUITY_PORTS,
    recoveryWaited: () => Promise.resolve(waited === true),
    ...(earlier === undefined ? {} : { read: async (first, last) => known.slice(first, last + 1) }),
  });
  if (fault !== undefined) return { verdict, fault: fault.code };
  return { verdict, links: links.map(({ type }) => type), fault: null };
};

function heldVersion(json: LinkJson, label: Uint8Array) {
  const { version } = json;
  const value = parseHex(json.value);
  const commitment = commit({
    opening: parseHex(json.opening),
    label,
    version,
    update: { value, signature: undefined },
  });
  return { version, commitment, record: decodeIdentityRecord(value) };
}
