import type { Command } from 'commander';
import { WatcherClient } from '../../client/watcher-client.ts';
import { formatBase64, parseBase64 } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { type ClientOptions } from '../client-options.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import { EXIT } from '../exit-code.ts';
import { openDirectory } from '../open-directory.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface MandateOptions extends ClientOptions {
  readonly watcher: string;
  readonly json?: boolean;
}

interface SendOptions extends MandateOptions {
  readonly credentials: string;
  readonly tell: readonly string[];
  readonly watcherKey?: string;
  readonly lifetime: string;
}

const collect = (one: string, all: readonly string[]): readonly string[] => [...all, one];

/** `mandate`: asks a watcher to watch a name, confirms addresses, and compares the log with what the watcher sees. */
export function mandateCommand(program: Command, run: RunClient): void {
  const mandate = program.command('mandate').description('have a watcher tell of every version of a name');
  const add = (usage: string, summary: string, example: string): Command =>
    clientCommand(mandate, usage, summary, `glasskey mandate ${example} --watcher https://watch.example`)
      .requiredOption('--watcher <url>', 'URL of the watcher')
      .option('--json', 'print the result as JSON');
  add(
    'send <identity>',
    'sign a mandate and send it; it replaces the one before',
    'send bob@example.com --credentials bob --tell mailto:bob@elsewhere.example --tell feed',
  )
    .requiredOption('--credentials <dir>', 'folder of a key of the newest version that is yours')
    .option('--tell <address>', 'mailto:, https: (a webhook), or feed; may be given several times', collect, [])
    .option('--watcher-key <base64>', 'key of the watcher, as its operator publishes it; default: what it shows')
    .option('--lifetime <duration>', 'time after which the mandate ends', '360d')
    .action((identity: string, options: SendOptions) => run(options, () => send(identity, options)));
  add(
    'withdraw <identity>',
    'ask the watcher to stop; the addresses hear of it, and are told for some time all the same',
    'withdraw bob@example.com --credentials bob',
  )
    .requiredOption('--credentials <dir>', 'folder of a key of the newest version that is yours')
    .option('--watcher-key <base64>', 'key of the watcher, as its operator publishes it; default: what it shows')
    .action((identity: string, options: Omit<SendOptions, 'tell' | 'lifetime'>) =>
      run(options, () => send(identity, { ...options, tell: [], lifetime: '30d' })),
    );
  add('confirm <code>', 'confirm an address by the code that came to it', 'confirm 1f…').action(
    (code: string, options: MandateOptions) => run(options, () => confirm(code, options)),
  );
  add(
    'compare',
    'check that the log shows the watcher what it shows here; exit 2 if there are two logs, 1 if the watcher is blind',
    'compare --server https://keys.example',
  ).action((options: MandateOptions) => run(options, () => compare(options)));
}

async function send(text: string, options: SendOptions): Promise<number> {
  const { watcher, credentials, tell: addresses, json } = options;
  const key = await new CredentialFolder(credentials).key();
  const client = new WatcherClient(watcher);
  const directory = await openDirectory(options);
  const shown = await client.describe();
  const { origin } = directory.trust.bundle;
  ensure(shown.origin === origin, 'usage', `this watcher watches ${oneLine(shown.origin)}, not ${origin}`);
  const given = options.watcherKey === undefined ? shown.key : keyOf(options.watcherKey);
  const isSame = formatBase64(given) === formatBase64(shown.key);
  ensure(isSame, 'usage', `the watcher at ${watcher} has another key than --watcher-key`);
  const identity = directory.identity(text).text;
  const order = { watcher: given, addresses, lifetimeMs: parseDuration(options.lifetime) };
  const mandate = await directory.watchMandate(identity, key, order);
  const answer = await client.send(identity, mandate, addresses);
  if (json === true) {
    printJson({ identity, watcherKey: formatBase64(given), mandate, ...answer });
    return EXIT.fine;
  }
  printLines(
    `${identity}: mandate ${answer.change}; the watcher's key is ${formatBase64(given)}`,
    ...answer.addresses.map(({ address, state, feed }) => `${oneLine(address)}  ${feed ?? STATES[state]}`),
  );
  return EXIT.fine;
}

const STATES = {
  confirmed: 'confirmed',
  sent: 'a code was sent. Next: `glasskey mandate confirm <code>`',
  failed: 'the code could not be sent. Next: send the mandate again',
  refused: 'no code can be sent there. Next: give another address',
  'too-often': 'too many codes were sent there. Next: send the mandate again in an hour',
} as const;

function keyOf(text: string): Uint8Array {
  try {
    const key = parseBase64(text);
    if (key.length === 32) return key;
  } catch {
    // The message below says it.
  }
  ensure(false, 'usage', '--watcher-key is not a key: it is 32 bytes in base64');
}

async function confirm(code: string, { watcher, json }: MandateOptions): Promise<number> {
  const identity = await new WatcherClient(watcher).confirm(code);
  if (json === true) printJson({ identity });
  else printLines(`confirmed: this address is told of ${oneLine(identity)}`);
  return EXIT.fine;
}

async function compare(options: MandateOptions): Promise<number> {
  const client = new WatcherClient(options.watcher);
  const [directory, shown] = await Promise.all([openDirectory(options), client.describe()]);
  const agreement = await directory.compareCheckpoint(await client.checkpoint());
  const { verified } = shown;
  const age = verified === undefined ? Infinity : Date.now() - Date.parse(verified);
  const isBlind = !(age <= directory.trust.config.reasonableMonitoringWindowMs);
  if (options.json === true) printJson({ ...agreement, verified, isBlind });
  else {
    const when = verified === undefined ? 'never' : oneLine(verified);
    printLines(
      `same log up to entry ${agreement.size - 1} of ${agreement.shown}; the watcher last verified it: ${when}`,
      ...(isBlind
        ? ['The watcher has not verified the log since, and tells nobody of a new version. Next: ask whoever runs it']
        : []),
    );
  }
  return isBlind ? EXIT.refused : EXIT.fine;
}
