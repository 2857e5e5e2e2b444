import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';
import { seededRandom } from '../support/random.ts';

const SEED = Number(process.env['GLASSKEY_CRASH_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = 6;
const PATIENCE = { timeout: 120_000, interval: 250 };

const box = new CliSandbox();
const random = seededRandom(SEED);
let url: string;
/** How long one registration takes, ms: killed ones end at any moment of it. */
let usualMs: number;
let auditor: RunningCli;

const audit = (): Promise<RunningCli> =>
  box.start(['auditor'], '--server', url, '--data', 'auditor', '--listen', '127.0.0.1:0', '--interval', '20ms');
const register = (name: string): string[] => {
  const token = ['--token-file', box.path('server/registration.token')];
  return ['register', `${name}@example.com`, '--server', url, ...token, '--out', name, '--state', 'client'];
};
const ask = (command: string, ...more: string[]): string[] => [command, ...more, '--server', url, '--state', 'client'];

async function succeed(...args: string[]): Promise<string> {
  const done = await box.run(...args);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  return done.stdout;
}

beforeAll(async () => {
  const key = (await succeed('auditor', 'init', '--data', 'auditor')).trim();
  const log = await box.logInPostgres('server');
  await succeed('init', ...log, '--auditor-key', key);
  ({ url } = await box.serve(...log, '--listen', '127.0.0.1:0'));
  auditor = await audit();
  await vi.waitUntil(async () => (await box.run(...register('first'))).code === 0, PATIENCE);
  const started = performance.now();
  await succeed(...register('usual'));
  usualMs = performance.now() - started;
}, 240_000);
afterAll(() => box.remove());

describe(`killed with SIGKILL at any moment (seed ${SEED})`, () => {
  it('a registration is done by the same command again, with the key that was stored first', async () => {
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const name = `user${round}`;
      if (await box.runAndKill(random() * usualMs, ...register(name))) killed++;
      await succeed(...register(name));
      const certificate = new X509Certificate(readFileSync(box.path(name, 'certificate.pem')));
      const found = JSON.parse(await succeed(...ask('lookup', `${name}@example.com`, '--json'))) as object;
      expect(JSON.stringify(found).toLowerCase()).toContain(certificate.serialNumber.toLowerCase());
    }
    expect(killed).toBeGreaterThan(0);
    // Every version is the owner's own doing.
    expect(await box.run(...ask('monitor'))).toMatchObject({ code: 0 });
  }, 240_000);

  it.each(['monitor', 'lookup', 'audit'] as const)(
    '%s leaves a whole state, from which it goes on',
    async (command) => {
      const asked = {
        monitor: ask('monitor'),
        lookup: ask('lookup', 'first@example.com'),
        audit: ['audit', url, '--state', 'client'],
      }[command];
      for (let round = 0; round < ROUNDS; round++) {
        await box.runAndKill(random() * usualMs, ...asked);
        expect(JSON.parse(readFileSync(box.path('client', 'state.json'), 'utf8'))).toBeInstanceOf(Object);
      }
      await succeed(...asked);
    },
    240_000,
  );

  it('an auditor goes on where it was, and signs no second head of a size', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const registered = box.run(...register(`audited${round}`));
      await new Promise((resolve) => setTimeout(resolve, random() * usualMs));
      process.kill(auditor.pid, 'SIGKILL');
      auditor = await audit();
      await registered;
    }
    await succeed(...register('last'));
    const metrics = await (await fetch(`${auditor.url}/metrics`)).text();
    expect(metrics).toMatch(/^glasskey_auditor_diverged 0$/m);
    await succeed(...ask('monitor'));
  }, 240_000);
});
