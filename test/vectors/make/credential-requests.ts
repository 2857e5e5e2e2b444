import { concatBytes } from '../../../src/core/encoding/bytes.ts';
import { encode } from '../../../src/core/encoding/codec.ts';
import { credentialRequestCodec, credentialUpdateRequestCodec } from '../../../src/core/keytrans/credential.ts';
import { LABEL } from './keys.ts';
import { hex, type OwnCase, type OwnFile, refused } from './own-file.ts';

/** Requests for credentials and for their updates. */
export function makeCredentialRequests(): OwnFile {
  const asked = { position: 2 ** 40 + 1 };
  const updated = { version: 7, treeSize: 300, terminal: 290, distinguished: 296 };
  const request = encode(credentialRequestCodec, { label: LABEL, ...asked });
  const update = encode(credentialUpdateRequestCodec, { label: LABEL, ...updated });
  const input = (type: string, bytes: Uint8Array): OwnCase['input'] => ({ type, request: hex(bytes) });
  return {
    primitive: 'credential-request',
    notes: ['input.request: a CredentialRequest or CredentialUpdateRequest, as input.type says. expect: its fields.'],
    cases: [
      { name: 'for a credential', input: input('credential', request), expect: { label: hex(LABEL), ...asked } },
      { name: 'for an update', input: input('credential-update', update), expect: { label: hex(LABEL), ...updated } },
      ...(['credential', 'credential-update'] as const).flatMap((type) => {
        const bytes = type === 'credential' ? request : update;
        return [
          refused(`${type}, a byte too few`, input(type, bytes.slice(0, -1)), 'malformed-encoding'),
          refused(`${type}, a byte too many`, input(type, concatBytes(bytes, Uint8Array.of(0))), 'malformed-encoding'),
        ];
      }),
      refused(
        'a position of 2^53',
        input('credential', concatBytes(request.slice(0, -8), Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0))),
        'malformed-encoding',
      ),
    ],
  };
}
