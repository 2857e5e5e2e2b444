import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { findPostgres, type PostgresServer, startPostgresServer } from '../support/postgres-server.ts';
import { type BuiltProgram, buildProgram } from './built-program.ts';
import { Transcript, withoutParticulars } from './transcript.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/administration.md');
const transcript = new Transcript(readFileSync(PAGE, 'utf8'));
/** Printed after each command. */
const END = '\u001e\n';

/** With it the page is written anew, with what its commands print now. */
const isRewriting = process.env['GLASSKEY_UPDATE_README'] !== undefined;

const bin = findPostgres();
const lacks = bin === undefined || !existsSync(join(bin, 'pg_dump')) ? ' (no pg_dump here)' : '';
if (lacks !== '' && process.env['CI'] !== undefined) throw new Error(lacks);

describe.skipIf(lacks !== '')(`docs/administration.md${lacks}`, () => {
  let program: BuiltProgram;
  let postgres: PostgresServer;
  beforeAll(async () => {
    program = await buildProgram();
    postgres = await startPostgresServer();
  }, 120_000);
  afterAll(async () => {
    await program?.remove();
    await postgres?.stop();
  });

  it('shows what its commands print', async () => {
    const variables = {
      PATH: `$PATH:${bin ?? ''}`,
      PGHOST: '127.0.0.1',
      PGPORT: String(postgres.port),
      PGUSER: new URL(postgres.url).username,
      PORT_1: String(await freePort()),
      PORT_2: String(await freePort()),
    };
    const exports = Object.entries(variables).map(([name, value]) => `export ${name}="${value}"\n`);
    const lines = transcript.commands.map(({ command }) => `${command}\nprintf '\\036\\n'\n`);
    const { status, stdout } = await program.shell(['exec 2>&1\n', ...exports, ...lines].join(''));
    expect([status, status === 0 ? '' : stdout]).toEqual([0, '']);
    const outputs = stdout.split(END).slice(0, -1);
    expect(outputs).toHaveLength(transcript.commands.length);
    expect(outputs.length).toBeGreaterThan(20);
    if (isRewriting) writeFileSync(PAGE, transcript.rewritten(outputs));
    else {
      for (const [i, { command, output }] of transcript.commands.entries()) {
        expect(withoutParticulars(outputs[i] ?? ''), command).toBe(withoutParticulars(output));
      }
    }
  }, 600_000);
});
