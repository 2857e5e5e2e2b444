import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../support/postgres.ts';
import { ATTACKS } from './attackers.ts';
import { FAULTS } from './faults.ts';
import { runSoak } from './run-soak.ts';
import { soakTable } from './soak-table.ts';

/** `npm run soak`. By default the short form: it counts, and does not time. */
const MINUTES = Number(process.env['GLASSKEY_SOAK_MINUTES'] ?? 2);
const SEED = Number(process.env['GLASSKEY_SOAK_SEED'] ?? Date.now() % 1_000_000);
/** A file for the report. */
const REPORT = process.env['GLASSKEY_SOAK_REPORT'];

const database = await createTestDatabase().catch((error: unknown) => {
  if (process.env['CI'] !== undefined) throw error;
  return undefined;
});
const title = database === undefined ? 'a soak (no PostgreSQL here)' : 'a soak';

describe.skipIf(database === undefined)(title, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'glasskey-soak-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(
    `of ${MINUTES} minutes loses nothing that was acknowledged, signs one root per size and passes an audit: seed ${SEED}`,
    async () => {
      const report = await runSoak({ folder, database: database ?? '', minutes: MINUTES, seed: SEED });
      process.stdout.write(`\n${soakTable(report)}\n\n`);
      if (REPORT !== undefined) await writeFile(REPORT, `${JSON.stringify(report, undefined, 2)}\n`);
      expect(report.surprises).toEqual([]);
      expect(report.faults).toEqual(FAULTS);
      const { done, attacks } = report;
      for (const operation of ['register', 'register-own', 'rotate', 'add', 'revoke', 'monitor', 'look-up', 'audit'])
        expect(done[operation], operation).toBeGreaterThan(0);
      expect(attacks.map(({ attack }) => attack)).toEqual(Object.keys(ATTACKS));
      for (const { attack, count, healthz } of attacks) {
        expect(count, attack).toBeGreaterThan(0);
        expect(healthz.failures, attack).toBe(0);
      }
      expect(report.mails).toBeLessThanOrEqual(report.mailsAllowed);
      expect(report.log.versions).toBeGreaterThanOrEqual(report.log.acknowledged);
    },
    MINUTES * 60_000 * 2 + 300_000,
  );
});
