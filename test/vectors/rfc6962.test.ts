import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { verifyConsistency, verifyInclusion } from '../../src/core/audit/rfc6962.ts';
import { parseBase64 } from '../../src/core/encoding/bytes.ts';
import { isGlasskeyError } from '../../src/core/errors.ts';

const folder = join(process.env['GLASSKEY_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors'), 'rfc6962');

interface Inclusion {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface Consistency {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

function files(kind: string): string[] {
  return readdirSync(join(folder, kind), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.json'),
  );
}

function outcome(check: () => void): 'accepted' | 'refused' {
  try {
    check();
    return 'accepted';
  } catch (error) {
    if (isGlasskeyError(error, 'bad-log-proof')) return 'refused';
    throw error;
  }
}

const hashes = (proof: readonly string[] | null): Uint8Array[] => (proof ?? []).map((hash) => parseBase64(hash));

const present = existsSync(folder);
const title = present ? 'rfc6962 vectors' : `rfc6962 vectors (no folder ${folder})`;

describe.skipIf(!present && process.env['CI'] === undefined)(title, () => {
  it.each(present ? files('inclusion') : [])('inclusion/%s', (name) => {
    const test = JSON.parse(readFileSync(join(folder, 'inclusion', name), 'utf8')) as Inclusion;
    const check = (): void =>
      verifyInclusion(
        test.leafIdx,
        test.treeSize,
        parseBase64(test.leafHash),
        hashes(test.proof),
        parseBase64(test.root),
      );
    expect(outcome(check)).toBe(test.wantErr ? 'refused' : 'accepted');
  });

  it.each(present ? files('consistency') : [])('consistency/%s', (name) => {
    const test = JSON.parse(readFileSync(join(folder, 'consistency', name), 'utf8')) as Consistency;
    const check = (): void =>
      verifyConsistency(test.size1, test.size2, parseBase64(test.root1), parseBase64(test.root2), hashes(test.proof));
    expect(outcome(check)).toBe(test.wantErr ? 'refused' : 'accepted');
  });

  it('has the vectors', () => {
    expect(files('inclusion').length + files('consistency').length).toBeGreaterThan(0);
  });
});
