import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { formatVkey } from '../../../src/core/audit/vkey.ts';
import { platformFetch } from '../../../src/core/net/bounded-fetch.ts';
import { type DatabaseSettings, judgeSettings } from '../../../src/server/doctor/check-database.ts';
import { judgeSpace } from '../../../src/server/doctor/check-folder.ts';
import { checkAuditor, checkWitnesses } from '../../../src/server/doctor/check-witnesses.ts';
import type { Finding } from '../../../src/server/doctor/finding.ts';
import { testCosigner } from '../../core/audit/test-cosigner.ts';

const tools = { fetch: platformFetch, now: Date.now };
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Serves 404 with a Date header that is so far off. */
async function witness(aheadMs = 0): Promise<string> {
  const server = createServer((_, outgoing) => {
    outgoing.setHeader('date', new Date(Date.now() + aheadMs).toUTCString());
    outgoing.writeHead(404).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function policy(urls: readonly string[], threshold: number): string {
  const lines = urls.map(
    (url, i) => `witness w${i} ${formatVkey(testCosigner(`w.example/${i}`, 100 + i).vkey)} ${url}`,
  );
  const members = urls.map((_, i) => `w${i}`).join(' ');
  return `${lines.join('\n')}\ngroup all ${threshold} ${members}\nquorum all\n`;
}

function troubles(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ check, state }) => (state === 'OK' ? [] : [`${state} ${check}`]));
}

const DOWN = 'http://127.0.0.1:1/';

describe('witnesses', () => {
  it('are fine if all answer, by the right clock', async () => {
    const findings = await checkWitnesses(policy([await witness(), await witness(), await witness()], 2), tools);
    expect(troubles(findings)).toEqual([]);
    expect(findings).toHaveLength(5);
  });

  it('are a warning while enough of them answer, and a failure after that', async () => {
    const one = await checkWitnesses(policy([await witness(), await witness(), DOWN], 2), tools);
    expect(troubles(one)).toEqual(['WARN witnesses']);
    const two = await checkWitnesses(policy([await witness(), DOWN, DOWN], 2), tools);
    expect(troubles(two)).toEqual(['FAIL witnesses']);
  });

  it('are a warning if two quorums share none, or there are none', async () => {
    const disjoint = await checkWitnesses(policy([await witness(), await witness()], 1), tools);
    expect(troubles(disjoint)).toEqual(['WARN quorum']);
    expect(troubles(await checkWitnesses('quorum none\n', tools))).toEqual(['WARN quorum']);
  });

  it('and auditors with another clock are found', async () => {
    const findings = await checkWitnesses(
      policy([await witness(), await witness(-120_000), await witness(20_000)], 2),
      tools,
    );
    expect(troubles(findings)).toEqual(['FAIL clock of witness w1', 'WARN clock of witness w2']);
    const auditor = await checkAuditor(await witness(300_000), tools);
    expect(troubles(auditor)).toEqual(['FAIL auditor', 'FAIL clock of the auditor']);
    expect(troubles(await checkAuditor(DOWN, tools))).toEqual(['FAIL auditor']);
  });
});

describe('settings of a database', () => {
  const GOOD: DatabaseSettings = {
    version: 150_003,
    encoding: 'UTF8',
    off: [],
    isStandby: false,
    maxConnections: 97,
    used: 20,
  };

  it.each<[Partial<DatabaseSettings>, string[]]>([
    [{}, []],
    [{ version: 130_010 }, ['FAIL database version']],
    [{ encoding: 'LATIN1' }, ['FAIL database encoding']],
    [{ off: ['fsync'] }, ['FAIL database durability']],
    [{ isStandby: true }, ['FAIL database durability']],
    [{ used: 95 }, ['WARN database connections']],
    [{ maxConnections: 7, used: 1 }, ['FAIL database connections']],
  ])('%j are judged', (other, expected) => {
    expect(troubles(judgeSettings({ ...GOOD, ...other }))).toEqual(expected);
  });
});

it('little space is a warning, hardly any a failure', () => {
  expect([2e10, 5e8, 5e7].map((bytes) => judgeSpace(bytes).state)).toEqual(['OK', 'WARN', 'FAIL']);
});
