import type { Command } from 'commander';
import type { History, PastVersion } from '../../client/key-directory.ts';
import { formatHex } from '../../core/encoding/bytes.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { EXIT } from '../exit-code.ts';
import { wholeNumber } from '../number-option.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { certificateJson, provenanceJson, provenanceText } from '../output/record-output.ts';
import { clientCommand, type RunClient } from './run-command.ts';

/** `history`: shows every version of an identity. */
export function historyCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'history <identity>',
    'show every version of an identity: its certificates, and who made it, as far as the log proves it',
    'glasskey history alice@example.com --server https://keys.example',
  )
    .option(
      '--before <version>',
      'show the versions before this one, of a history that is too long for one look',
      parseVersion,
    )
    .option('--json', 'print the result as JSON')
    .action((identity: string, options: HistoryFlags) => run(options, () => show(identity, options)));
}

interface HistoryFlags extends ClientOptions {
  readonly before?: number;
  readonly json?: boolean;
}

const parseVersion = wholeNumber('the number of a version', 1, 0xffff_ffff);

async function show(identity: string, options: HistoryFlags): Promise<number> {
  const directory = await openDirectory(options);
  const history = await directory.history(identity, { before: options.before });
  const { versions, treeSize, latest, unread, identity: canonical } = history;
  if (options.json === true) {
    printJson({ identity: canonical, treeSize, latest, unread, versions: versions.map(versionJson) });
  } else {
    printLines(
      `${canonical}: ${latest + 1} ${latest === 0 ? 'version' : 'versions'}`,
      ...unreadLines(history),
      ...versions.flatMap(versionLines),
    );
  }
  return EXIT.fine;
}

function unreadLines({ unread, identity }: History): string[] {
  if (unread === undefined) return [];
  const { last, why } = unread;
  const next =
    why === 'bound'
      ? `there is more than one look reads. Next: \`glasskey history ${identity} --before ${last + 1}\``
      : 'the log does not show what came before, perhaps because it was erased. Ask the owner';
  return [`NOT SHOWN: ${last === 0 ? 'version 0' : `versions 0 to ${last}`}; ${next}`];
}

function versionJson(past: PastVersion): object {
  const { version, commitment, fault, certificates, origin } = past;
  return {
    version,
    commitment: formatHex(commitment),
    ...provenanceJson(past),
    fault: fault?.message,
    origin,
    certificates: certificates.map(certificateJson),
  };
}

/** The origins of an own version, for people. */
const ORIGINS: Readonly<Record<NonNullable<PastVersion['origin']>, string>> = {
  made: 'made by you',
  adopted: 'adopted as yours without a check',
  maintenance: 'maintenance of your certificates',
  unexpected: 'NOT made by you',
  acknowledged: 'not made by you, and acknowledged',
};

function versionLines(past: PastVersion): string[] {
  const { version, fault, certificates, origin } = past;
  const known = origin === undefined ? '' : `; ${ORIGINS[origin]}`;
  return [
    `version ${version}: ${provenanceText(past)}${known}`,
    ...(fault === undefined
      ? []
      : [`  WARNING: it does not follow from the version before: ${oneLine(fault.message)}`]),
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256.slice(0, 16)}…`),
  ];
}
