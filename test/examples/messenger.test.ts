import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chromiumMissing, launchChromium } from '../support/chromium.ts';
import { axeFindings, overflow } from '../support/explorer-page.ts';
import { REWRITTEN } from '../../examples/messenger/device/lies.ts';
import {
  type DeviceLook,
  enter,
  hears,
  linkDevice,
  type MessengerDevice,
  openChat,
  openMessenger,
  openOperator,
  RunningMessenger,
  say,
  signUp,
  startChat,
  tellLie,
} from '../support/messenger.ts';

const missing = chromiumMissing();
const title = missing === undefined ? 'the messenger' : `the messenger (${missing})`;
/** With GLASSKEY_SCREENSHOTS=1 the pictures of docs/messenger.md are made. */
const makesPictures = process.env['GLASSKEY_SCREENSHOTS'] !== undefined;
const PICTURES = resolve(import.meta.dirname, '../../docs/screenshots');
/** A camera and a microphone of the browser's own, and connections within this machine. */
const FAKE_MEDIA = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
];

describe.skipIf(missing !== undefined && process.env['CI'] === undefined)(title, () => {
  let messenger: RunningMessenger;
  let browsers: Browser[] = [];
  const devices: MessengerDevice[] = [];
  let alice: MessengerDevice;
  let bob: MessengerDevice;
  let carol: MessengerDevice;
  let tablet: MessengerDevice;
  let newPhone: MessengerDevice;

  const open = async (browser: number, host: string, look: DeviceLook = {}): Promise<MessengerDevice> => {
    const device = await openMessenger(browsers[browser] as Browser, messenger.port, host, look);
    devices.push(device);
    return device;
  };
  const picture = async ({ page }: MessengerDevice, name: string): Promise<void> => {
    if (makesPictures) await page.screenshot({ path: resolve(PICTURES, `messenger-${name}.png`), fullPage: true });
  };
  /** Waits until a device shows an alarm or news, and returns its words. */
  const notice = async ({ page }: MessengerDevice, text: string): Promise<string> => {
    await page.waitForSelector(`#notices .notice:has-text("${text}")`, { timeout: 60_000 });
    return page.innerText('#notices');
  };
  /** Answers alarms, and hides those that are over, until nothing is left. */
  const seeAll = async ({ page }: MessengerDevice): Promise<void> => {
    const notices = page.locator('#notices .notice');
    for (let left = await notices.count(); left > 0; left = await notices.count()) {
      await notices.first().locator('button:visible').first().click();
      await expect.poll(() => notices.count(), { timeout: 60_000 }).toBeLessThan(left);
    }
  };

  beforeAll(async () => {
    const launch = (): Promise<Browser> => launchChromium(FAKE_MEDIA);
    [messenger, ...browsers] = await Promise.all([RunningMessenger.start(), launch(), launch(), launch()]);
    alice = await open(0, 'alice-phone');
    bob = await open(1, 'bob-phone');
    carol = await open(2, 'carol-phone', { width: 360, colorScheme: 'dark' });
  });
  afterAll(async () => {
    await Promise.all(browsers.map((one) => one.close()));
    await messenger.stop();
  });
  afterEach(() => {
    expect(devices.flatMap(({ errors }) => errors)).toEqual([]);
  });

  it('says where it is, and what to do', () => {
    expect(messenger.output).toContain(`http://localhost:${messenger.port}/operator.html`);
    expect(messenger.output).toContain('choose devices');
  });

  it('lets two people write to each other', async () => {
    await Promise.all([signUp(alice, 'alice'), signUp(bob, 'bob'), signUp(carol, 'carol')]);
    await startChat(alice, 'bob');
    await say(alice, 'Hello Bob');
    await openChat(bob, 'alice');
    await hears(bob, 'alice', 'Hello Bob');
    await say(bob, 'Hello Alice');
    await hears(alice, 'bob', 'Hello Alice');
    expect(await axeFindings(alice.page)).toEqual([]);
    await picture(alice, 'chat');
    const numbers: string[] = [];
    for (const { page } of [alice, bob]) {
      await page.click('summary:has-text("Safety number")');
      await page.waitForSelector('#safety-digits:not(:empty)');
      numbers.push(await page.innerText('#safety-digits'));
      await page.click('summary:has-text("Safety number")');
    }
    expect(numbers[0]).toMatch(/^(?:\d{5}\s?){12}$/);
    expect(numbers[1]).toBe(numbers[0]);
  });

  it('opens a chat that is there, and none with nobody', async () => {
    const { page } = alice;
    await page.click('nav a[href="#/chats"]');
    await page.fill('#people', 'alice');
    await page.click('#start-chat');
    await page.waitForSelector('.failure:has-text("Add at least one other person.")');
    await startChat(alice, 'bob bob');
    await hears(alice, 'bob', 'Hello Alice');
    await page.click('nav a[href="#/chats"]');
    expect(await page.locator('ul.chats a').count()).toBe(1);
  });

  it('says that a name is nobody’s, which the log proves', async () => {
    await alice.page.click('nav a[href="#/chats"]');
    await alice.page.fill('#people', 'mallory');
    await alice.page.click('#start-chat');
    await alice.page.waitForSelector('.failure:has-text("The log proves that nobody is called mallory")');
  });

  it('lets a group talk, also on a phone in the dark', async () => {
    await startChat(alice, 'bob carol', 'Garden');
    await say(alice, 'Tomatoes?');
    for (const [device, name] of [
      [bob, 'bob'],
      [carol, 'carol'],
    ] as const) {
      await openChat(device, 'Garden');
      await hears(device, 'alice', 'Tomatoes?');
      await say(device, `Yes, says ${name}`);
    }
    await hears(carol, 'bob', 'Yes, says bob');
    await hears(bob, 'carol', 'Yes, says carol');
    await alice.page.reload();
    await openChat(alice, 'Garden');
    await hears(alice, 'carol', 'Yes, says carol');
    await say(alice, 'I was away');
    await hears(carol, 'alice', 'I was away');
    expect(await overflow(carol.page)).toBe(0);
    expect(await axeFindings(carol.page)).toEqual([]);
    await picture(carol, 'group-dark');
  });

  it('links a second device by a signature of the first', async () => {
    tablet = await open(1, 'bob-tablet');
    await enter(tablet, 'log-in', 'bob');
    await tablet.page.waitForSelector('#link-code:visible');
    expect(await axeFindings(tablet.page)).toEqual([]);
    await picture(tablet, 'link');
    await linkDevice(bob, tablet);
    await tablet.page.waitForSelector('ul.chats a:has-text("Garden")');
    await openChat(tablet, 'Garden');
    await openChat(alice, 'Garden');
    await alice.page.waitForSelector('li.system:has-text("bob has added a device")');
    await say(tablet, 'From my tablet');
    await hears(alice, 'bob', 'From my tablet');
    expect(await bob.page.innerText('#notices')).toBe('');
    expect(await alice.page.innerText('#notices')).toBe('');
  });

  it('changes a key, which others see signed by the old one', async () => {
    await bob.page.click('nav a[href="#/devices"]');
    await bob.page.click('#rotate:not([disabled])');
    await alice.page.waitForSelector('li.system:has-text("bob has a new key, signed by the old one")');
    await bob.page.waitForSelector('#rotate:not([disabled])');
    await openChat(bob, 'Garden');
    await say(bob, 'With a new key');
    await hears(alice, 'bob', 'With a new key');
    await say(alice, 'I see it');
    await hears(bob, 'alice', 'I see it');
    await seeNothing(tablet);
  });

  it('connects a call of two, signed on both sides', async () => {
    await openChat(alice, 'bob');
    await alice.page.click('#call-button');
    await bob.page.waitForSelector('#call[data-state="ringing"]:has-text("alice calls you")');
    await bob.page.click('#answer');
    for (const [device, peer] of [
      [alice, 'bob'],
      [bob, 'alice'],
    ] as const) {
      await device.page.waitForSelector(`#call[data-state="talking"]:has-text("You talk to ${peer}")`);
      await device.page.waitForFunction(() => {
        const { document } = globalThis as unknown as {
          document: { querySelector(path: string): { videoWidth: number } };
        };
        return document.querySelector('#call video').videoWidth > 0;
      });
    }
    await picture(alice, 'call');
    await bob.page.click('#hang-up');
    for (const { page } of [alice, bob, tablet]) await page.waitForSelector('#call', { state: 'hidden' });
  });

  it('takes a lost phone out of the name and of every conversation', async () => {
    await tablet.page.click('nav a[href="#/devices"]');
    await tablet.page.click('button:has-text("Remove: lost, or not mine")');
    await openChat(alice, 'Garden');
    await alice.page.waitForSelector('li.system:has-text("A device of bob was removed")');
    await say(alice, 'Is the thief gone?');
    await openChat(tablet, 'Garden');
    await hears(tablet, 'alice', 'Is the thief gone?');
    await bob.page.waitForSelector('li.system.alarm');
    expect(await bob.page.locator('li.theirs:has-text("thief")').count()).toBe(0);
  });

  it('puts a backup back on a third device, which the second adds', async () => {
    await tablet.page.click('nav a[href="#/devices"]');
    await tablet.page.click('#back-up');
    await tablet.page.waitForSelector('#backup-password:visible');
    const password = await tablet.page.innerText('#backup-password');
    newPhone = await open(2, 'bob-new-phone');
    const { page } = newPhone;
    await enter(newPhone, 'log-in', 'bob');
    await page.waitForSelector('#link-code:visible');
    await page.fill('#restore-password', 'abcd-efgh-jkmn-pqrs');
    await page.click('#restore');
    await page.waitForSelector('.failure:has-text("the password is wrong")');
    await page.fill('#restore-password', password);
    await Promise.all([page.waitForEvent('load'), page.click('#restore')]);
    await page.waitForSelector('#link-code:visible');
    await linkDevice(tablet, newPhone);
    await openChat(newPhone, 'Garden');
    await hears(newPhone, 'alice', 'Is the thief gone?');
    await say(newPhone, 'From my new phone');
    await openChat(alice, 'Garden');
    await hears(alice, 'bob', 'From my new phone');
    await seeNothing(newPhone);
  });

  describe('when the operator turns evil', () => {
    let operator: Page;
    const victim = 'carol';

    beforeAll(async () => {
      operator = await openOperator(browsers[0] as Browser, messenger.port);
      await operator.waitForSelector(`#victim option[value="${victim}"]`, { state: 'attached' });
    });

    it('everybody refuses a key that was swapped in the database', async () => {
      if (makesPictures)
        await operator.screenshot({ path: resolve(PICTURES, 'messenger-operator.png'), fullPage: true });
      await tellLie(operator, 'swap', victim);
      for (const device of [alice, tablet, carol]) {
        const words = device === carol ? 'others a false key in your name.' : 'a false key for carol.';
        const text = await notice(device, words);
        expect(text).toContain('Still going on: last seen');
        await device.page.waitForSelector('#notices .notice:nth-child(2)', { state: 'detached', timeout: 30_000 });
      }
      await openChat(alice, 'Garden');
      expect(await alice.page.innerText('#notices')).toContain('Your messages so far are safe.');
      await alice.page.waitForSelector('p:text-is("Not verified now: see the alarm above")');
      await isRefused(alice, 'Secret', 'Nothing was sent. The service showed a false key for carol.');
      await openChat(alice, 'bob');
      expect(await alice.page.inputValue('#text')).toBe('');
      await alice.page.waitForSelector('p:text-is("Verified by the log: alice, bob")', { timeout: 30_000 });
      await openChat(alice, 'Garden');
      expect(await alice.page.inputValue('#text')).toBe('Secret');
      await isRefused(alice, 'Secret', 'Nothing was sent. The service showed a false key for carol.');
      expect(await axeFindings(alice.page)).toEqual([]);
      await picture(alice, 'swap');
      await tellLie(operator, 'none');
      for (const device of [alice, tablet, carol]) {
        await device.page.waitForSelector('#notices :text("Over since")', { timeout: 30_000 });
        await seeAll(device);
      }
      expect(await alice.page.textContent('.card:has(#text) > .failure')).toBe('');
      await alice.page.waitForSelector('p:text-is("Verified by the log: alice, bob, carol")');
      await say(alice, 'The keys hold again');
      await openChat(carol, 'Garden');
      await hears(carol, 'alice', 'The keys hold again');
    });

    it('a silent device alarms its victim, and stops everybody who writes to the victim', async () => {
      await tellLie(operator, 'silent-device', victim);
      const own = await notice(carol, 'Somebody added a key to your name. You did not.');
      expect(own).toContain('remove the one that is not yours');
      expect(own).toContain('I know this device');
      for (const device of [alice, tablet]) await notice(device, 'The service changed carol’s keys. carol did not.');
      await isRefused(alice, 'Secret', 'Nothing was sent. There is an alarm about carol.');
      await picture(alice, 'silent-device-alice');
      await picture(carol, 'silent-device-carol');
      await alice.page.click('button:has-text("carol says: a key is not mine")');
      await notice(alice, 'carol says that a key is false.');
      await isRefused(alice, 'Secret', 'Nothing was sent. There is an alarm about carol.');
      await tellLie(operator, 'none');
      await operator.waitForSelector('#state:has-text("has added a key to carol’s name; the log keeps it")');
      // The log cannot take it back. Carol takes the false key out herself, and her friends ask her.
      await carol.page.click('#notices a:has-text("Open Devices")');
      const stray = carol.page.locator('ul.devices li:has-text("Not added by any of your devices")');
      await stray.waitFor();
      expect(await carol.page.locator('.stray').count()).toBe(1);
      await stray.locator('button:has-text("Remove: lost, or not mine")').click();
      await stray.waitFor({ state: 'detached' });
      for (const device of [carol, alice, tablet]) await seeAll(device);
      await say(alice, 'You asked me in the street');
      await openChat(carol, 'Garden');
      await hears(carol, 'alice', 'You asked me in the street');
    });

    it('everybody who has seen the log refuses another past, and a newcomer finds it by comparing', async () => {
      await tellLie(operator, 'fork', victim);
      for (const device of [alice, tablet, carol]) await notice(device, REWRITTEN);
      await alice.page.waitForSelector('#notices .notice:nth-child(2)', { state: 'detached', timeout: 30_000 });
      // A false proof of one name, or a rewritten record: each answer of a fork fails at one of its contradictions.
      await isRefused(alice, 'Secret', 'Nothing was sent. The service ');
      await picture(alice, 'fork');
      const dave = await open(1, 'dave-phone');
      await signUp(dave, 'dave');
      expect(await dave.page.innerText('#notices')).toBe('');
      await dave.page.click('nav a[href="#/log"]');
      await dave.page.fill('#their-heads', await headsOf(alice));
      await dave.page.click('#compare');
      await dave.page.waitForSelector('#log-screen .failure:has-text("You were shown two different logs")');
      await picture(dave, 'compare');
      await tellLie(operator, 'none');
      for (const device of [alice, tablet, carol]) await seeAll(device);
      await say(alice, 'It was the same log after all');
      await hears(carol, 'alice', 'It was the same log after all');
      await dave.page.close();
    });
  });

  it('says that it knows another log after a restart, and can begin anew', async () => {
    await messenger.stop();
    messenger = await RunningMessenger.start(messenger.port);
    const { page } = alice;
    await page.reload();
    await page.waitForSelector('h1:text-is("This device knows another log.")');
    expect(await page.innerText('main')).toContain('If you have restarted the example, that is why');
    expect(await axeFindings(page)).toEqual([]);
    await page.click('button:has-text("Forget everything on this device")');
    await page.waitForSelector('#name:visible');
    await signUp(alice, 'alice');
    await page.waitForSelector('li:has-text("No chat yet.")');
  });
});

/** Returns what a device shows for others to compare. */
async function headsOf({ page }: MessengerDevice): Promise<string> {
  await page.click('nav a[href="#/log"]');
  await page.waitForFunction(() => {
    const { document } = globalThis as unknown as { document: { querySelector(path: string): { value: string } } };
    return document.querySelector('#heads').value.length > 200;
  });
  const text = await page.inputValue('#heads');
  await openChat({ page, errors: [] }, 'Garden');
  return text;
}

/** Tries to send a text, which the device refuses with these words. */
async function isRefused({ page }: MessengerDevice, text: string, words: string): Promise<void> {
  await page.fill('#text', text);
  await page.click('#send');
  await page.waitForSelector(`.failure:has-text("${words}")`);
  expect(await page.locator(`li.own:has-text("${text}")`).count()).toBe(0);
}

async function seeNothing({ page }: MessengerDevice): Promise<void> {
  await expect.poll(() => page.innerText('#notices'), { timeout: 20_000 }).toBe('');
}
