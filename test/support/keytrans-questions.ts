import { type Codec, encode } from '../../src/core/encoding/codec.ts';
import { contactMonitorRequestCodec } from '../../src/core/keytrans/contact-monitor-messages.ts';
import { credentialRequestCodec, credentialUpdateRequestCodec } from '../../src/core/keytrans/credential.ts';
import { chainRequestCodec, lookupRequestCodec, searchRequestCodec } from '../../src/core/keytrans/messages.ts';
import { ownerInitRequestCodec } from '../../src/core/keytrans/owner-init-messages.ts';
import { ownerMonitorRequestCodec } from '../../src/core/keytrans/owner-monitor-messages.ts';
import { standingRequestCodec } from '../../src/core/keytrans/standing-messages.ts';
import { updateRequestCodec } from '../../src/core/keytrans/update-messages.ts';
import { identityOf } from './owner.ts';

const label = (identity: string): Uint8Array => identityOf(identity).label;
const question = <T>(codec: Codec<T>, of: (label: Uint8Array) => T) => {
  return (identity: string): Uint8Array => encode(codec, of(label(identity)));
};
const last = undefined;

/** A question about a label for every operation of the log that has one. */
export const QUESTIONS: Readonly<Record<string, (identity: string) => Uint8Array>> = {
  search: question(searchRequestCodec, (of) => ({ last, label: of, version: undefined })),
  lookup: question(lookupRequestCodec, (of) => ({ last, label: of })),
  chain: question(chainRequestCodec, (of) => ({ label: of, first: 0, last: 0 })),
  contactMonitor: question(contactMonitorRequestCodec, (of) => ({ last, label: of, entries: [] })),
  ownerInit: question(ownerInitRequestCodec, (of) => ({ last, label: of, start: 0 })),
  ownerMonitor: question(ownerMonitorRequestCodec, (of) => {
    return { last, label: of, entries: [], start: 0, greatestVersion: 0 };
  }),
  update: question(updateRequestCodec, (of) => ({ last, label: of, greatestVersion: undefined, values: [] })),
  credential: question(credentialRequestCodec, (of) => ({ label: of, position: 0 })),
  credentialUpdate: question(credentialUpdateRequestCodec, (of) => {
    return { label: of, version: 0, treeSize: 1, terminal: 0, distinguished: 0 };
  }),
  standing: question(standingRequestCodec, (of) => ({ last, label: of, version: 0, first: 0, second: 1 })),
};
