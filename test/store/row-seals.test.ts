import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { RowSeals } from '../../src/store/row-seals.ts';
import { tokens } from '../../src/store/schema.ts';
import { bytes } from './samples.ts';

it('is the MAC that the specification says, so that every program of a log agrees (docs/spec.md#sealed-rows)', () => {
  const key = bytes('key');
  const seals = new RowSeals({ key, origin: 'log.example', acceptsUnsealed: () => false, refused: () => undefined });
  const row = { tokenId: 7, name: 'app', tokenHash: bytes('hash'), createdMs: 5, revokedMs: undefined };
  const mac = createHmac('sha256', key).update('glasskey sealed row v1\0');
  const add = (part: string | Uint8Array): void => {
    const content = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(content.length);
    mac.update(length).update(content);
  };
  const columns = [
    ['number created_ms', '5'],

    ['string name', 'app'],
    ['bytes token_hash', row.tokenHash],
    ['number token_id', '7'],
  ] as const;
  for (const part of ['log.example', 'tokens', ...columns.flat()]) add(part);
  expect(seals.seal(tokens, row)).toEqual(new Uint8Array(mac.digest()));
});
