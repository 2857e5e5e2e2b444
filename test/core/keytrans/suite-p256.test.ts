import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GlasskeyError } from '../../../src/core/errors.ts';
import { decode, encode } from '../../../src/core/encoding/codec.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';
import { lookupResponseCodec } from '../../../src/core/keytrans/messages.ts';
import { verifyLookup } from '../../../src/core/keytrans/verify-lookup.ts';
import { historyArbitrary, LABELS, WINDOW_MS } from '../../support/histories.ts';
import {
  labelBytes,
  managedConfiguration,
  p256Configuration,
  p256Vrf,
  referenceConfiguration,
  ReferenceLog,
} from '../../support/reference-log.ts';
import { answerLookup } from '../../support/reference-prover.ts';

/** Looks a label up as a client that knows nothing. */
function lookUp(log: ReferenceLog, label: string, auditedSize?: number) {
  const { config } = log;
  const codec = lookupResponseCodec(config);
  const bytes = encode(codec, answerLookup(log, { label, last: undefined, ...(auditedSize && { auditedSize }) }));
  const context = { config, view: undefined, nowMs: log.timestamps.at(-1)! };
  return verifyLookup(context, { last: undefined, label: labelBytes(label) }, decode(codec, bytes));
}

describe('KT_128_SHA256_P256', () => {
  it('shows what was logged, present or absent', () => {
    const config = p256Configuration(referenceConfiguration(WINDOW_MS));
    fc.assert(
      fc.property(historyArbitrary(10), fc.constantFrom(...LABELS), (entries, label) => {
        const log = new ReferenceLog(config, p256Vrf, entries);
        const versions = log.versions.get(label) ?? [];
        const found = lookUp(log, label);
        if (versions.length === 0) expect(found).toMatchObject({ type: 'absent', labelKey: p256Vrf(label, 0).output });
        else expect(found).toMatchObject({ type: 'found', version: versions.length - 1 });
      }),
      { numRuns: 15 },
    );
  });

  const entries = [{ timestampMs: 1000, labels: ['alice'] }];
  const modes: [string, Configuration, number | undefined][] = [
    ['an auditor', referenceConfiguration(WINDOW_MS, { maxAuditorLagMs: 1000, auditorStartPosition: 0 }), 1],
    ['a third party that manages', managedConfiguration(WINDOW_MS), undefined],
  ];
  it.each(modes)('signs for %s too', (_, ed25519, auditedSize) => {
    const log = new ReferenceLog(p256Configuration(ed25519), p256Vrf, entries);
    expect(lookUp(log, 'alice', auditedSize)).toMatchObject({ type: 'found', version: 0 });
  });

  it('is told from the other suite', () => {
    const ed25519 = referenceConfiguration(WINDOW_MS);
    const log = new ReferenceLog(p256Configuration(ed25519), p256Vrf, entries);
    const answer = answerLookup(log, { label: 'alice', last: undefined });
    const request = { last: undefined, label: labelBytes('alice') };
    expect(() => decode(lookupResponseCodec(ed25519), encode(lookupResponseCodec(log.config), answer))).toThrow(
      GlasskeyError,
    );
    for (const config of [ed25519, { ...log.config, cipherSuite: 2 }, { ...ed25519, cipherSuite: 1 }]) {
      const context = { config, view: undefined, nowMs: 1000 };
      expect(() => verifyLookup(context, request, answer)).toThrow(expect.objectContaining({ name: 'GlasskeyError' }));
    }
  });
});
