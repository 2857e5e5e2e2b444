import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditEntryCodec } from '../../../src/core/audit/audit-entry.ts';
import { parseCheckpoint } from '../../../src/core/audit/checkpoint.ts';
import { decodeEntryBundle } from '../../../src/core/audit/entry-bundle.ts';
import { parseNote } from '../../../src/core/audit/note.ts';
import { leafHash, rfc6962NodeHasher } from '../../../src/core/audit/rfc6962.ts';
import { decodeUpdateBundle } from '../../../src/core/audit/update-bundle.ts';
import { decode } from '../../../src/core/encoding/codec.ts';
import { treeHeadCodec, verifyTreeHead } from '../../../src/core/keytrans/tree-head.ts';
import { appendLeaf, type CompactRange, EMPTY_RANGE, rangeRoot } from '../../../src/core/log/compact-range.ts';
import { createTestLog, type TestLog } from '../../support/test-log.ts';

const SIZE = 300;
let log: TestLog;
beforeAll(async () => {
  log = await createTestLog({ loop: false, limits: { heartbeatMs: 1 } });
  for (let i = 1; i < SIZE; i++) {
    log.clock.advance(1);
    await log.service.sequencer.step();
  }
}, 60_000);
afterAll(async () => {
  await log.close();
});

describe('the files of the audit log', () => {
  it('fit together: bundles, tiles, checkpoint, updates and heads', async () => {
    const { files } = log.service;
    const { size, rootHash } = parseCheckpoint(parseNote(await files.checkpoint()).text);
    expect(size).toBe(SIZE);
    const entries = [
      ...decodeEntryBundle(await files.entries(0, 256), 256),
      ...decodeEntryBundle(await files.entries(1, SIZE - 256), SIZE - 256),
    ];
    const tiles = [
      ...(await files.tile({ level: 0, index: 0 }, 256)),
      ...(await files.tile({ level: 0, index: 1 }, SIZE - 256)),
    ];
    let range: CompactRange = EMPTY_RANGE;
    for (const [position, entry] of entries.entries()) {
      const hash = leafHash(entry);
      expect(tiles.slice(32 * position, 32 * position + 32)).toEqual([...hash]);
      range = appendLeaf(range, hash, rfc6962NodeHasher);
    }
    expect(rangeRoot(range, rfc6962NodeHasher)).toEqual(rootHash);
    const last = decode(auditEntryCodec, entries.at(-1) ?? new Uint8Array());
    const update = gunzipSync(await files.update(SIZE - 1));
    expect(new Uint8Array(createHash('sha256').update(update).digest())).toEqual(last.updateHash);
    verifyTreeHead(log.context.configuration, decode(treeHeadCodec, await files.head(SIZE)), last.logRoot);
  });

  it('bundle the updates of 256 entries, and only whole bundles of released entries', async () => {
    const { files } = log.service;
    const updates = decodeUpdateBundle(new Uint8Array(gunzipSync(await files.updateBundle(0))));
    for (const [position, update] of updates.entries()) {
      expect(update).toEqual(new Uint8Array(gunzipSync(await files.update(position))));
    }
    expect(await files.updateBundle(0)).toBe(await files.updateBundle(0));
    await expect(files.updateBundle(1)).rejects.toThrow(expect.objectContaining({ code: 'not-found' }));
    await expect(files.updateBundle(2 ** 52)).rejects.toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('serve narrower partial tiles, and the tile above', async () => {
    const { files } = log.service;
    const partial = await files.tile({ level: 0, index: 1 }, 10);
    expect(partial).toEqual((await files.tile({ level: 0, index: 1 }, 44)).slice(0, 320));
    expect((await files.tile({ level: 0, index: 0 }, 5)).length).toBe(160);
    expect((await files.tile({ level: 1, index: 0 }, 1)).length).toBe(32);
  });

  it('do not exist beyond the released size', async () => {
    const { files } = log.service;
    const missing = [
      files.tile({ level: 0, index: 1 }, 45),
      files.tile({ level: 0, index: 2 }, 1),
      files.tile({ level: 1, index: 0 }, 2),
      files.tile({ level: 5, index: 0 }, 1),
      files.tile({ level: 0, index: 0 }, 0),
      files.entries(1, 45),
      files.entries(9, 1),
      files.update(SIZE),
      files.update(-1),
      files.head(SIZE + 1),
      files.head(0),
    ];
    for (const file of missing) await expect(file).rejects.toMatchObject({ code: 'not-found' });
  });
});
