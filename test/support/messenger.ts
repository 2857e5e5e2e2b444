import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';

const ROOT = resolve(import.meta.dirname, '../..');

/** Longest wait for a page, ms: other tests may take the processors. */
const PATIENCE_MS = 120_000;

/** The messenger of `examples/messenger/`, as `npm run example:messenger` starts it. */
export class RunningMessenger {
  readonly #program: ChildProcess;
  readonly port: number;
  readonly output: string;

  private constructor(program: ChildProcess, port: number, output: string) {
    this.#program = program;
    this.port = port;
    this.output = output;
  }

  /** Starts it, on a free port if none is given. */
  static async start(onPort = 0): Promise<RunningMessenger> {
    const program = spawn('npm', ['run', '--silent', 'example:messenger'], {
      cwd: ROOT,
      env: { ...process.env, PORT: String(onPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    let output = '';
    for await (const chunk of program.stdout as AsyncIterable<Buffer>) {
      output += chunk.toString('utf8');
      const port = /http:\/\/localhost:(\d+)\//.exec(output)?.[1];
      if (port !== undefined) return new RunningMessenger(program, Number(port), output);
    }
    throw new Error(`the messenger ended: ${output}`);
  }

  /** Ends it, with the shell and npm around it. */
  async stop(): Promise<void> {
    const ended = once(this.#program, 'exit');
    process.kill(-(this.#program.pid ?? 0), 'SIGTERM');
    await ended;
  }
}

/** A device of somebody: a page in a browser of its own. */
export interface MessengerDevice {
  readonly page: Page;
  /** Errors of scripts, and what the policy of the page refused. */
  readonly errors: string[];
}

/** The look of a device. */
export interface DeviceLook {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** Opens the messenger as a device, without logging in. */
export async function openMessenger(
  browser: Browser,
  port: number,
  host: string,
  { width = 900, colorScheme = 'light' }: DeviceLook = {},
): Promise<MessengerDevice> {
  const profile = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme,
    permissions: ['camera', 'microphone'],
  });
  const page = await profile.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(`${host}: ${error.stack ?? String(error)}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(`${host}: ${message.text()}`);
  });
  await page.goto(`http://${host}.localhost:${port}/`);
  await page.waitForSelector('#name');
  return { page, errors };
}

/** Creates an account, or logs in. */
export async function enter({ page }: MessengerDevice, how: 'sign-up' | 'log-in', name: string): Promise<void> {
  await page.fill('#name', name);
  await page.fill('#password', `${name}-and-a-long-password`);
  await page.click(`#${how}`);
}

/** Creates an account, and waits until the device is in the log. */
export async function signUp(device: MessengerDevice, name: string): Promise<void> {
  await enter(device, 'sign-up', name);
  await device.page.waitForSelector('#nav:not([hidden])');
}

/** Begins a conversation. */
export async function startChat({ page }: MessengerDevice, people: string, title = ''): Promise<void> {
  await page.click('nav a[href="#/chats"]');
  await page.fill('#people', people);
  await page.fill('#title', title);
  await page.click('#start-chat');
  await page.waitForSelector('#text:visible');
}

/** Opens the newest conversation whose title holds a text. */
export async function openChat({ page }: MessengerDevice, title: string): Promise<void> {
  await page.click('nav a[href="#/chats"]');
  await page.click(`ul.chats a:has-text("${title}")`);
  await page.waitForSelector('#text:visible');
}

/** Sends a text in the open conversation. */
export async function say({ page }: MessengerDevice, text: string): Promise<void> {
  await page.fill('#text', text);
  await page.click('#send');
  await page.waitForSelector(`li.own:has-text("${text}")`);
}

/** Waits until a text was received in the open conversation. */
export async function hears({ page }: MessengerDevice, from: string, text: string): Promise<void> {
  await page.waitForSelector(`li.theirs:has(strong:text-is("${from}")):has-text("${text}")`);
}

/** Adds a device that shows its code, by the text of the code on another one. */
export async function linkDevice(first: MessengerDevice, added: MessengerDevice): Promise<void> {
  const code = await added.page.inputValue('#link-code');
  await first.page.click('nav a[href="#/devices"]');
  await first.page.fill('#code', code);
  await first.page.click('#add-device');
  await added.page.waitForSelector('#nav:not([hidden])');
}

/** Opens the operator's panel. */
export async function openOperator(browser: Browser, port: number): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`http://localhost:${port}/operator.html`);
  return page;
}

/** Lets the operator tell a lie about somebody, or repent (`none`), and waits until it is told. */
export async function tellLie(
  operator: Page,
  lie: 'swap' | 'silent-device' | 'fork' | 'none',
  victim?: string,
): Promise<void> {
  if (victim !== undefined) await operator.selectOption('#victim', victim);
  await operator.click(`#${lie}`);
  await operator.waitForSelector(`#${lie}:not([disabled])`);
}
