import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goMissing } from '../support/go-peers.ts';
import { crlCases } from './crl-cases.ts';

const missing = goMissing();
const title = missing === undefined ? 'CRLs, read by Go' : `CRLs, read by Go (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  it('say what they are to say, by their issuer', { timeout: 300_000 }, async () => {
    const { cases, facts } = await crlCases();
    const folder = join(import.meta.dirname, 'go-x509');
    const output = execFileSync('go', ['run', './crl'], {
      cwd: folder,
      input: JSON.stringify(cases),
      encoding: 'utf8',
    });
    expect(JSON.parse(output)).toEqual(facts);
  });
});
