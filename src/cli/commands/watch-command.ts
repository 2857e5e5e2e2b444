import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import { ensure } from '../../core/errors.ts';
import type { MailSettings } from '../../delivery/mailer.ts';
import { parseDuration } from '../../server/settings/duration.ts';
import { asUserInput, readInput } from '../../server/user-input.ts';
import { EXIT } from '../exit-code.ts';
import { wholeNumber } from '../number-option.ts';
import { lookupToken } from '../open-directory.ts';
import { printLines } from '../output/print.ts';
import { stopSignal } from '../stop-signal.ts';
import type { RunServer } from './run-command.ts';

interface WatchFlags {
  readonly server: string;
  readonly data: string;
  readonly trust?: string;
  readonly listen: string;
  readonly url?: string;
  readonly interval: string;
  readonly names: number;
  readonly rate: number;
  readonly peer: readonly string[];
  readonly contact?: string;
  readonly smtp?: string;
  readonly mailFrom?: string;
  readonly smtpPasswordFile?: string;
  readonly egressProxy?: string;
  readonly allowPrivate: readonly string[];
}

const DELIVERY_TIMEOUT_MS = 15_000;
const collect = (one: string, all: readonly string[]): readonly string[] => [...all, one];

/** `watch`: runs a watcher, which audits a log and tells the owners of names of every new version. */
export function watchCommand(program: Command, run: RunServer): void {
  program
    .command('watch')
    .description('watch names for their owners: audit a log, and tell of every version by mail, webhook, push or feed')
    .requiredOption('--server <url>', 'server of the log')
    .requiredOption('--data <dir>', 'folder of the watcher; made if it is missing')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the pinned one, else the first one that it shows',
    )
    .option('--listen <address>', 'address and port to serve owners on', '127.0.0.1:8300')
    .option('--url <url>', 'URL at which owners reach the watcher; default: the address that it listens on')
    .option('--interval <duration>', 'pause between two rounds', '5s')
    .option('--names <number>', 'most names to watch', wholeNumber('a number of names', 1, 1_000_000), 100_000)
    .option('--rate <number>', 'requests per second of one address', wholeNumber('a number of requests', 1, 999_999), 1)
    .option('--peer <url>', 'another watcher of the log, to compare with; may be given several times', collect, [])
    .option('--smtp <host:port>', 'server that sends mail; port 465 speaks TLS at once. Default: no mail')
    .option('--mail-from <address>', 'sender of the mail')
    .option('--smtp-password-file <file>', 'file with user and password for the mail server, one a line')
    .option('--contact <url>', 'mailto: or https: URL of the operator, for push services. Default: no push')
    .option('--egress-proxy <url>', 'HTTP proxy for webhooks and push services')
    .option('--allow-private <cidr>', 'network that webhooks may be in although it is private', collect, [])
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey watch --server https://keys.example --data /srv/watch --url https://watch.example \\\n' +
        '      --smtp mail.example:465 --mail-from watch@watch.example --contact mailto:admin@watch.example',
    )
    .action((flags: WatchFlags) => run(() => watch(flags)));
}

async function watch(flags: WatchFlags): Promise<number> {
  const { data, server, trust, listen, url, names, rate, peer, contact } = flags;
  const intervalMs = parseDuration(flags.interval);
  ensure(intervalMs <= 3_600_000, 'usage', '--interval is an hour at most');
  const given =
    trust === undefined ? undefined : await asUserInput(trust, async () => parseTrustBundle(await readInput(trust)));
  const stopped = stopSignal();
  const [{ serveWatcher }, { auditThreads }] = await Promise.all([
    import('../../server/serve-watcher.ts'),
    import('../audit/audit-threads.ts'),
  ]);
  const running = await serveWatcher({
    data,
    server,
    trust: given,
    listen,
    url,
    intervalMs,
    names,
    peers: peer,
    perSecond: rate,
    mail: await mailOf(flags),
    contact,
    egress: { proxy: flags.egressProxy, allowPrivate: flags.allowPrivate, timeoutMs: DELIVERY_TIMEOUT_MS },
    lookupToken: lookupToken(),
    openThreads: (prefix) => auditThreads({ type: 'http', prefix }),
  });
  printLines(`listening on ${running.url}`, `key ${running.publicKey}`);
  try {
    await Promise.race([stopped, running.ended]);
  } finally {
    await running.stop();
  }
  return EXIT.fine;
}

async function mailOf({ smtp, mailFrom, smtpPasswordFile }: WatchFlags): Promise<MailSettings | undefined> {
  ensure((smtp === undefined) === (mailFrom === undefined), 'usage', '--smtp and --mail-from need each other');
  if (smtp === undefined || mailFrom === undefined) return undefined;
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(smtp) ?? [];
  ensure(host !== undefined, 'usage', '--smtp is host:port');
  const lines = smtpPasswordFile === undefined ? [] : (await readFile(smtpPasswordFile, 'utf8')).split('\n');
  const [user, password] = lines.map((line) => line.trim());
  return { from: mailFrom, smtp: { host, port: Number(port), tls: Number(port) === 465, user, password } };
}
