import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isGlasskeyError } from '../../src/core/errors.ts';
import { makeAllFiles } from './make/all.ts';
import type { OwnFile } from './make/own-file.ts';
import {
  checkAuditEntry,
  checkAuditorUpdate,
  checkCheckpoint,
  checkEntryBundle,
  checkLogEnd,
  checkTlogProof,
  checkWitnessedHead,
} from './own-checkers/audit-log.ts';
import { checkBackup } from './own-checkers/backup.ts';
import type { OwnChecker } from './own-checkers/checker.ts';
import { checkContactMonitoring } from './own-checkers/contact-monitoring.ts';
import { checkCredentialText } from './own-checkers/credential-text.ts';
import { checkChange, checkIdentity, checkRecord, checkRecordChain } from './own-checkers/identity.ts';
import {
  checkChainAnswer,
  checkCredentialRequest,
  checkDistinguishedWalk,
  checkLookup,
  checkStanding,
} from './own-checkers/keytrans.ts';
import { checkLookupBatch } from './own-checkers/lookup-batch.ts';
import { checkOwnerMonitoring } from './own-checkers/owner-monitoring.ts';
import { checkSealedMessage } from './own-checkers/sealed-message.ts';
import { checkSharedHeads } from './own-checkers/shared-heads.ts';
import { checkCallMessage, checkDeviceNote, checkSafetyNumber } from './own-checkers/texts.ts';
import { checkWatchMandate } from './own-checkers/watch-mandate.ts';
import { checkBundleSuccessor, checkTrustBundle } from './own-checkers/trust-bundle.ts';

const FOLDER = join(import.meta.dirname, 'own');
const NAMES = readdirSync(FOLDER).sort();

const CHECKERS: Readonly<Record<string, OwnChecker>> = {
  'audit-entry': checkAuditEntry,
  'audited-lookup': checkLookup,
  'auditor-update': checkAuditorUpdate,
  backup: checkBackup,
  'bundle-successor': checkBundleSuccessor,
  'call-message': checkCallMessage,
  chain: checkChainAnswer,
  'change-request': checkChange,
  checkpoint: checkCheckpoint,
  'contact-monitoring': checkContactMonitoring,
  'credential-request': checkCredentialRequest,
  'credential-text': checkCredentialText,
  'device-note': checkDeviceNote,
  'distinguished-walk': checkDistinguishedWalk,
  'entry-bundle': checkEntryBundle,
  identity: checkIdentity,
  'identity-record': checkRecord,
  'log-end': checkLogEnd,
  lookup: checkLookup,
  'lookup-batch': checkLookupBatch,
  'owner-monitoring': checkOwnerMonitoring,
  'record-chain': checkRecordChain,
  'safety-number': checkSafetyNumber,
  'sealed-message': checkSealedMessage,
  'shared-heads': checkSharedHeads,
  standing: checkStanding,
  'tlog-proof': checkTlogProof,
  'trust-bundle': checkTrustBundle,
  'witnessed-head': checkWitnessedHead,
  'watch-mandate': checkWatchMandate,
};

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

describe('vectors of our own formats', () => {
  it('are what `npm run vectors` writes, byte for byte', async () => {
    const made = await makeAllFiles();
    expect([...made.keys()].sort()).toEqual(NAMES);
    for (const [name, text] of made) expect(text === read(name), `${name}: run npm run vectors`).toBe(true);
  });

  it('are listed in docs/spec.md', () => {
    const spec = readFileSync(join(import.meta.dirname, '../../docs/spec.md'), 'utf8');
    expect(NAMES.filter((name) => !spec.includes(`\`${name}\``))).toEqual([]);
  });
});

describe.each(NAMES)('%s', (name) => {
  const { primitive, cases } = JSON.parse(read(name)) as OwnFile;

  it('has cases that are accepted, cases that are refused, and no name twice', () => {
    expect(cases.some(({ expect: { code } }) => code === undefined)).toBe(true);
    expect(cases.some(({ expect: { code } }) => code !== undefined)).toBe(true);
    expect(new Set(cases.map((one) => one.name)).size).toBe(cases.length);
  });

  it('begins each step of a series with the state that the step before left', () => {
    const states = new Map(cases.map((one) => [one.name, one.expect['state']]));
    for (const { name: step, input } of cases) {
      const { after, state } = input;
      if (typeof after === 'string') expect(state, step).toEqual(states.get(after) ?? 'no such case');
    }
  });

  it.for(cases)('$name', async ({ input, expect: expected }) => {
    const check = CHECKERS[primitive] as OwnChecker;
    const outcome = await Promise.resolve()
      .then(() => check(input))
      .catch((error: unknown) => {
        if (!isGlasskeyError(error)) throw error;
        return { code: error.code };
      });
    expect(outcome).toEqual(expected);
  });
});
