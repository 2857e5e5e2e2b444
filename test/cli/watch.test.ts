import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CliSandbox, type RunningCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const NAME = 'alice@example.com';
const KILLS = 3;
const box = new CliSandbox();
let to: string[];
let watcherUrl: string;
let watcher: RunningCli;

beforeAll(async () => {
  const log = await box.logInPostgres('server');
  expect((await box.run('init', ...log)).code).toBe(0);
  const running = await box.serve(...log, '--listen', '127.0.0.1:0');
  to = ['--server', running.url, '--trust', 'server/trust.json'];
  watcherUrl = `http://127.0.0.1:${await freePort()}`;
  watcher = await watch();
  await until(isWatching, { withinMs: 60_000 });
}, 180_000);
afterAll(() => box.remove());

function watch(): Promise<RunningCli> {
  const listen = watcherUrl.replace('http://', '');
  return box.start(['watch'], ...to, '--data', 'watcher', '--listen', listen, '--interval', '200ms');
}

const isWatching = async (): Promise<boolean> => (await fetch(`${watcherUrl}/healthz`)).status === 200;
const mandate = (command: string, ...args: readonly string[]) =>
  box.run('mandate', command, ...args, ...to, '--watcher', watcherUrl);

it('an owner sends a mandate, and hears of every version from a watcher that is killed again and again', async () => {
  const token = ['--token-file', 'server/registration.token'];
  expect((await box.run('register', NAME, ...to, ...token, '--out', 'alice0')).code).toBe(0);
  const sent = await mandate('send', NAME, '--credentials', 'alice0', '--tell', 'feed', '--json');
  expect(sent.code).toBe(0);
  const { addresses } = JSON.parse(sent.stdout) as { addresses: readonly { readonly feed: string }[] };
  const feed = async (): Promise<string> => (await fetch(addresses[0]?.feed ?? '')).text();

  for (let i = 1; i <= KILLS; i++) {
    const rotated = box.run('rotate', NAME, ...to, '--credentials', `alice${i - 1}`, '--out', `alice${i}`);
    await sleep(700 * (i - 1) + 100);
    process.kill(watcher.pid, 'SIGKILL');
    expect((await rotated).code).toBe(0);
    watcher = await watch();
  }
  for (let i = 1; i <= KILLS; i++) {
    await until(async () => (await feed()).includes(`${NAME}: version ${i} is new`), { withinMs: 60_000 });
  }
}, 240_000);

it('the client compares logs with the watcher, and says so if the watcher does not follow the log', async () => {
  await until(isWatching, { withinMs: 60_000 });
  const fine = await mandate('compare', '--json');
  expect(fine.code).toBe(0);
  expect(JSON.parse(fine.stdout)).toMatchObject({ isBlind: false });
  expect((await mandate('compare')).stdout).toMatch(
    /^same log up to entry \d+ of \d+; the watcher last verified it: 2/,
  );
  box.shiftClock(86_400_000);
  const blind = await mandate('compare');
  box.shiftClock(0);
  expect([blind.code, blind.stdout]).toEqual([1, expect.stringContaining('tells nobody of a new version')]);
}, 120_000);
