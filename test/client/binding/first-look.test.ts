import { expect, it } from 'vitest';
import { boundedLook } from '../../../src/client/binding/first-look.ts';
import { readTrust } from '../../../src/client/trust.ts';
import { Transport } from '../../../src/client/transport.ts';
import { MAXIMUM_CHAIN_LINKS, chainRequestCodec, chainResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import { identityOf } from '../../support/owner.ts';
import { signedBundle } from '../../support/signed-bundle.ts';
import { StaticLog } from '../../support/static-log.ts';

it('a log that shows fat versions instead of the earlier ones withholds these, and the client has not stopped', async () => {
  const log = new StaticLog();
  const trust = readTrust((await signedBundle(log.bundle)).bundle);
  const fat = { opening: new Uint8Array(16), value: { value: new Uint8Array(90_000), signature: undefined } };
  const asked: number[] = [];
  const transport = new Transport({
    server: 'http://log.test',
    timeoutMs: 10_000,
    fetch: async (_, { body }) => {
      const { first, last } = decode(chainRequestCodec, body as Uint8Array);
      asked.push(first);
      // All but the last version of each page, and nothing after that.
      const links = Array.from({ length: last - first }, () => fat);
      const erased = { code: 'erased', title: 'erased', status: 410 };
      if (links.length === 0) {
        return Response.json(erased, { status: 410, headers: { 'content-type': 'application/problem+json' } });
      }
      return new Response(new Uint8Array(encode(chainResponseCodec(trust.config), { links })));
    },
  });
  const context = { transport, trust, identity: identityOf('bob@example.com'), now: () => 0 };
  const look = boundedLook({ ...context, recoveryWaited: () => Promise.resolve(false) }, 64);
  expect(await look.earlier.read(0, MAXIMUM_CHAIN_LINKS - 1)).toHaveLength(MAXIMUM_CHAIN_LINKS - 1);
  expect([look.earlier.isSpent(), look.earlier.isWithheld()]).toEqual([false, true]);
  expect(await look.earlier.read(8, MAXIMUM_CHAIN_LINKS - 1)).toEqual([]);
  expect([look.earlier.isSpent(), look.earlier.isWithheld()]).toEqual([true, true]);
});
