import type { Command } from 'commander';
import type { KeyDirectory, NotifyAddressInfo, NotifyAnswer } from '../../client/key-directory.ts';
import { readInput } from '../../server/user-input.ts';
import type { ClientOptions } from '../client-options.ts';
import { CredentialFolder } from '../credentials/credentials.ts';
import { EXIT } from '../exit-code.ts';
import { openDirectory } from '../open-directory.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface NotifyOptions extends ClientOptions {
  readonly credentials: string;
  readonly json?: boolean;
}

const REMINDER =
  'Whoever controls the server can silence notices: keep `glasskey monitor` running on a device of yours too.';

/** `notify add|confirm|list|remove`: sets where the server tells an owner of changes. */
export function notifyCommand(program: Command, run: RunClient): void {
  const notify = program.command('notify').description('where the server tells you of every change of your name');
  const signed = (name: string, description: string, example: string): Command =>
    clientCommand(notify, name, description, example)
      .requiredOption('--credentials <dir>', 'folder of a key of the identity, which signs the order')
      .option('--json', 'print the result as JSON');

  signed(
    'add <identity> <address>',
    'add an address: mailto:NAME@HOST, https://HOST/PATH (a webhook), or a file with the JSON of a push subscription.\n' +
      'It receives a code; a webhook confirms itself by its answer',
    'glasskey notify add alice@example.com mailto:alice@elsewhere.example --credentials alice',
  ).action((identity: string, address: string, options: NotifyOptions) =>
    run(options, async () => {
      const isText = /^(?:mailto|https):/i.test(address);
      const add = isText ? address : (await readInput(address)).trim();
      const answer = await ordered(options, (directory, key) => directory.notices(identity, key, { add }));
      return report(answer, options, nextStep(identity, answer));
    }),
  );
  clientCommand(
    notify,
    'confirm <identity> <id> <code>',
    'confirm an address by the code that it received',
    'glasskey notify confirm alice@example.com 3f0c2a9d5b7e41c88d61f2a4b0e97c35 K7QD-20VN-8XWM-R3TA',
  )
    .option('--json', 'print the result as JSON')
    .action((identity: string, id: string, code: string, options: NotifyOptions) =>
      run(options, async () => {
        const directory = await openDirectory(options);
        return report(await directory.confirmNotices(identity, id, code), options, REMINDER);
      }),
    );
  signed(
    'list <identity>',
    'list the addresses of an identity, and when each was told last',
    'glasskey notify list alice@example.com --credentials alice',
  ).action((identity: string, options: NotifyOptions) =>
    run(options, async () => {
      const answer = await ordered(options, (directory, key) => directory.notices(identity, key, { list: true }));
      return report(answer, options, REMINDER);
    }),
  );
  signed(
    'remove <identity> <id>',
    'remove an address. If it was confirmed, it is told of that, and of everything else for 7 more days',
    'glasskey notify remove alice@example.com 3f0c2a9d5b7e41c88d61f2a4b0e97c35 --credentials alice',
  ).action((identity: string, remove: string, options: NotifyOptions) =>
    run(options, async () => {
      const answer = await ordered(options, (directory, key) => directory.notices(identity, key, { remove }));
      return report(answer, options, REMINDER);
    }),
  );
}

type DeviceCredentials = Awaited<ReturnType<CredentialFolder['key']>>;

async function ordered(
  options: NotifyOptions,
  order: (directory: KeyDirectory, key: DeviceCredentials) => Promise<NotifyAnswer>,
): Promise<NotifyAnswer> {
  const key = await new CredentialFolder(options.credentials).key();
  return order(await openDirectory(options), key);
}

function nextStep(identity: string, { addresses, added }: NotifyAnswer): string {
  const address = addresses.find(({ id }) => id === added);
  if (address?.state !== 'unconfirmed') return REMINDER;
  return `Next: glasskey notify confirm ${oneLine(identity)} ${address.id} CODE, with the code that was sent there`;
}

function report({ addresses, ...rest }: NotifyAnswer, { json }: NotifyOptions, next: string): number {
  if (json === true) printJson({ ...rest, addresses });
  else if (addresses.length === 0) printLines('no address is told of changes', next);
  else printLines(...addresses.flatMap((address) => addressLines(address)), next);
  return EXIT.fine;
}

/** Texts of the server are untrusted. */
function addressLines({ id, kind, hint, state, until, told, failure }: NotifyAddressInfo): string[] {
  const end = until === undefined ? '' : `, until ${until}`;
  return [
    `${id}  ${kind} ${hint}: ${state}${end}`,
    ...(told === undefined ? [] : [`  told at ${told}`]),
    ...(failure === undefined ? [] : [`  last failure: ${failure}`]),
  ].map((line) => oneLine(line));
}
