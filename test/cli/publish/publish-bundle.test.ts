import { expect, it } from 'vitest';
import { hasBundle, PUBLISHED_BUNDLE, publishBundle } from '../../../src/cli/publish/publish-bundle.ts';
import { decodeUtf8, encodeUtf8 } from '../../../src/core/encoding/bytes.ts';
import { checkCopy } from '../../../src/service/publish/check-copy.ts';
import { CheckedTarget } from '../../../src/service/publish/checked-target.ts';
import { publishLog } from '../../../src/service/publish/publish-log.ts';
import { createTestAuditor } from '../../support/auditor.ts';
import { growTo, MemoryTarget, sourceOf } from '../../support/publishing.ts';
import { signedBundle } from '../../support/signed-bundle.ts';
import { StaticLog } from '../../support/static-log.ts';

const now = (): number => 2_000_000;

it('the bundle in a copy lets it be checked and repaired after the log has another auditor, and stays', async () => {
  const log = new StaticLog('log.example/changed');
  const copy = new MemoryTarget();
  await growTo(log, 20);
  const { trust } = await publishBundle(copy, await signedBundle(log.bundle), undefined);
  await publishLog({ source: sourceOf(log), target: copy, trust, now });
  log.changeConfiguration((await createTestAuditor(60_000)).configuration);
  await growTo(log, 30);
  const right = new Map(copy.files);
  copy.files.set('log/head/20', encodeUtf8('damaged'));
  const bundle = new CheckedTarget({ target: copy, repair: true, unreadable: new Set() });
  const later = await publishBundle(bundle, await signedBundle({ ...log.bundle, sequence: 2 }), undefined);
  const options = { source: sourceOf(log), target: copy, trust: later.trust, now, repairCheckpoint: true };
  const repaired = await checkCopy({ ...options, repair: true });
  expect([bundle.faults, repaired.faults]).toEqual([[], [{ path: 'log/head/20', fault: 'wrong' }]]);
  expect(copy.files).toEqual(right);
});

it('a bundle that is truncated, or altered under its signature, is none', async () => {
  const log = new StaticLog('log.example/bundled');
  const copy = new MemoryTarget();
  const served = await signedBundle(log.bundle);
  expect(await hasBundle(copy)).toBe(false);
  await publishBundle(copy, served, undefined);
  expect(await hasBundle(copy)).toBe(true);
  const text = decodeUtf8(copy.files.get(PUBLISHED_BUNDLE) ?? new Uint8Array());
  for (const damaged of ['', text.slice(0, -3), text.replace('"sequence": 1', '"sequence": 7')]) {
    expect(damaged).not.toBe(text);
    copy.files.set(PUBLISHED_BUNDLE, encodeUtf8(damaged));
    expect(await hasBundle(copy)).toBe(false);
    const differs = expect.objectContaining({ code: 'published-differs' }) as unknown;
    await expect(publishBundle(copy, served, undefined)).rejects.toEqual(differs);
  }
});
