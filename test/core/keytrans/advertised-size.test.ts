import { expect, it } from 'vitest';
import { verifyContactMonitor } from '../../../src/core/keytrans/verify-contact-monitor.ts';
import { verifyDistinguished } from '../../../src/core/keytrans/verify-distinguished.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { verifySearch } from '../../../src/core/keytrans/verify-search.ts';
import { labelBytes, realVrf, ReferenceLog, referenceConfiguration } from '../../support/reference-log.ts';
import { answerContactMonitor, answerDistinguished, answerVersion } from '../../support/reference-operations.ts';
import { answerLookup } from '../../support/reference-prover.ts';

const log = new ReferenceLog(referenceConfiguration(1000), realVrf, [
  { timestampMs: 100, labels: ['alice'] },
  { timestampMs: 200, labels: ['bob'] },
  { timestampMs: 300, labels: ['alice'] },
]);
const label = labelBytes('alice');
const context = { config: log.config, view: log.view(2), nowMs: 300 };
const { ladder } = verifySearch(
  { ...context, view: undefined },
  { label, last: undefined, version: 1 },
  answerVersion(log, { label: 'alice', last: undefined, version: 1 }),
);

// Each of them verifies with `last: 2`, which is the size of the view.
const operations: Record<string, (last: number | undefined) => unknown> = {
  'a lookup': (last) => verifyLookup(context, { label, last }, answerLookup(log, { label: 'alice', last })),
  'a lookup of nobody': (last) =>
    verifyLookup(context, { label: labelBytes('carol'), last }, answerLookup(log, { label: 'carol', last })),
  'a search': (last) =>
    verifySearch(context, { label, last, version: 1 }, answerVersion(log, { label: 'alice', last, version: 1 })),
  'a round of monitoring': (last) => {
    const entries = [{ position: 1, version: 0 }];
    const response = answerContactMonitor(log, { label: 'alice', last, entries });
    return verifyContactMonitor(context, { label, last, entries }, response, ladder);
  },
  'a walk of distinguished entries': (last) =>
    verifyDistinguished(context, { last, stop: undefined }, answerDistinguished(log, { last, stop: undefined })),
};

it.each(Object.entries(operations))('%s is for the size that was advertised', (_, verify) => {
  verify(2);
  const refused = expect.objectContaining({ name: 'GlasskeyError', code: 'usage' });
  for (const last of [undefined, 1, 3]) expect(() => verify(last)).toThrow(refused);
});
