import { expect, it } from 'vitest';
import { lastingConfiguration, maySucceed } from '../../../src/core/keytrans/auditor-change.ts';
import type { Configuration } from '../../../src/core/keytrans/configuration.ts';

const COMMON = {
  cipherSuite: 2,
  signaturePublicKey: new Uint8Array(32).fill(1),
  vrfPublicKey: new Uint8Array(32).fill(2),
  maxAheadMs: 1,
  maxBehindMs: 2,
  reasonableMonitoringWindowMs: 3,
  maximumLifetimeMs: undefined,
};
const plain: Configuration = { ...COMMON, mode: 'contactMonitoring' };
const audited = (n: number): Configuration => ({
  ...COMMON,
  mode: 'thirdPartyAuditing',
  maxAuditorLagMs: n,
  auditorStartPosition: n,
  auditorPublicKey: new Uint8Array(32).fill(n),
});
const managed: Configuration = { ...COMMON, mode: 'thirdPartyManagement', leafPublicKey: new Uint8Array(32) };

it('an auditor may come and change, and nothing else may', () => {
  const all = [plain, audited(1), audited(2), managed, { ...plain, maxAheadMs: 9 }, { ...audited(1), maxBehindMs: 9 }];
  const allowed = all.map((next) => all.map((current) => maySucceed(current, next)));
  expect(allowed).toEqual([
    [true, false, false, false, false, false],
    [true, true, true, false, false, false],
    [true, true, true, false, false, false],
    [false, false, false, true, false, false],
    [false, false, false, false, true, false],
    [false, false, false, false, false, true],
  ]);
  expect(lastingConfiguration(audited(1))).toEqual(lastingConfiguration(plain));
});
