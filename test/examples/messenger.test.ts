import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import {
  hears,
  type MessengerDevice,
  openChat,
  openMessenger,
  RunningMessenger,
  say,
  signUp,
  startChat,
} from '../support/messenger.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the messenger' : `the messenger (${missing})`;

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let messenger: RunningMessenger;
  let browsers: Browser[];
  let alice: MessengerDevice;
  let bob: MessengerDevice;
  let carol: MessengerDevice;

  beforeAll(async () => {
    [messenger, ...browsers] = await Promise.all([
      RunningMessenger.start(),
      launchChromium(),
      launchChromium(),
      launchChromium(),
    ]);
    const [a, b, c] = browsers as [Browser, Browser, Browser];
    [alice, bob, carol] = await Promise.all([
      openMessenger(a, messenger.port, 'alice-phone'),
      openMessenger(b, messenger.port, 'bob-phone'),
      openMessenger(c, messenger.port, 'carol-phone', { width: 360, colorScheme: 'dark' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all(browsers.map((one) => one.close()));
    await messenger.stop();
  });

  it('lets three people talk', async () => {
    await Promise.all([signUp(alice, 'alice'), signUp(bob, 'bob'), signUp(carol, 'carol')]);
    await startChat(alice, 'bob');
    await say(alice, 'Hello Bob');
    await openChat(bob, 'alice');
    await hears(bob, 'alice', 'Hello Bob');
    await say(bob, 'Hello Alice');
    await hears(alice, 'bob', 'Hello Alice');
    expect([...alice.errors, ...bob.errors, ...carol.errors]).toEqual([]);
  });
});
