import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROGRAM } from '../support/cli.ts';

it('npm run demo tells the story, and all three lies are caught', () => {
  const output = execFileSync(process.execPath, [join(PROGRAM, '../demo.js')], { encoding: 'utf8' });
  expect(output).toMatch(/Alice’s device refuses it: .* \(bad-prefix-proof\)/);
  expect(output).toMatch(/Alice’s device, which remembers the log, refuses it: .* \(bad-signature\)/);
  expect(output).toMatch(/The journalist, who audited it before, refuses it: .* \(log-forked\)/);
  expect(output).toMatch(/Bob’s device, which monitors his name, reports: .* \(unexpected-version\)/);
  expect(output).toContain('All three lies were noticed.');
}, 240_000);
