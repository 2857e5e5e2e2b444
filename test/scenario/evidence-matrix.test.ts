import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EvidenceWorld, type Kind, KINDS, type Operation, OPERATIONS, PERSONS } from './evidence-world.ts';

const DOCUMENT = resolve(import.meta.dirname, '../../docs/who-may-have-a-name.md');
const NAMES: Readonly<Record<Kind, string>> = {
  application: 'application token',
  oidc: 'OIDC ID token',
  email: 'e-mailed code',
  change: 'change signed by a key',
  key: 'the key alone',
};

let world: EvidenceWorld;
beforeAll(async () => {
  world = await EvidenceWorld.open();
}, 60_000);
afterAll(() => world.close());

async function row(kind: Kind, operation: Operation): Promise<string> {
  const cells: string[] = [];
  for (const person of PERSONS) {
    const result = await world.attempt(kind, operation, person);
    cells.push(/^[a-z-]+$/.test(result) && result !== 'yes' ? `\`${result}\`` : result);
  }
  return `| ${NAMES[kind]} | ${operation} | ${cells.join(' | ')} |`;
}

it('every evidence, operation and person: who gets what is what the documentation says', async () => {
  const lines = [`| evidence | operation | ${PERSONS.join(' | ')} |`, `|---|---|${PERSONS.map(() => '---|').join('')}`];
  for (const kind of KINDS) for (const operation of OPERATIONS) lines.push(await row(kind, operation));
  process.stdout.write(`${lines.join('\n')}\n`);
  const told = readFileSync(DOCUMENT, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  expect(lines).toEqual(told.slice(0, lines.length));
}, 300_000);
