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
} from './own-checkers/audit-log.ts';
import type { OwnChecker } from './own-checkers/checker.ts';
import { checkCredentialText } from './own-checkers/credential-text.ts';
import { checkChange, checkIdentity, checkRecord, checkRecordChain } from './own-checkers/identity.ts';
import { checkChainAnswer, checkCredentialRequest, checkLookup } from './own-checkers/keytrans.ts';
import { checkSharedHeads } from './own-checkers/shared-heads.ts';
import { checkWatchMandate } from './own-checkers/watch-mandate.ts';
import { checkBundleSuccessor, checkTrustBundle } from './own-checkers/trust-bundle.ts';

const FOLDER = join(import.meta.dirname, 'own');
const NAMES = readdirSync(FOLDER).sort();

const CHECKERS: Readonly<Record<string, OwnChecker>> = {
  'audit-entry': checkAuditEntry,
  'auditor-update': checkAuditorUpdate,
  'bundle-successor': checkBundleSuccessor,
  chain: checkChainAnswer,
  'change-request': checkChange,
  checkpoint: checkCheckpoint,
  'credential-request': checkCredentialRequest,
  'credential-text': checkCredentialText,
  'entry-bundle': checkEntryBundle,
  identity: checkIdentity,
  'identity-record': checkRecord,
  'log-end': checkLogEnd,
  lookup: checkLookup,
  'record-chain': checkRecordChain,
  'shared-heads': checkSharedHeads,
  'tlog-proof': checkTlogProof,
  'trust-bundle': checkTrustBundle,
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
