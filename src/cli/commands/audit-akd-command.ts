import { type Command, Option } from 'commander';
import { AkdFinding } from '../../akd/akd-finding.ts';
import { MAX_SORTED_NODES } from '../../akd/ordered-nodes.ts';
import { ensure, isGlasskeyError } from '../../core/errors.ts';
import { readAkdEvidence, writeAkdEvidence } from '../akd/akd-evidence.ts';
import { type AkdReport, akdReportJson, akdReportLine, akdReportLines } from '../akd/akd-report.ts';
import { auditAkdRound, type AkdTask } from '../akd/akd-round.ts';
import { akdConfigurationOf, type AkdFlags, akdKindOf, akdTaskOf, hex32 } from '../akd/akd-task.ts';
import { checkAkdEvidence } from '../akd/check-akd-evidence.ts';
import { EXIT, exitCodeOf, reportFailure } from '../exit-code.ts';
import { parseSeconds, wholeNumber } from '../number-option.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { Pauses } from '../pauses.ts';
import { StandingFaults } from '../standing-faults.ts';
import type { RunServer } from './run-command.ts';

const parseEpoch = wholeNumber('an epoch', 1, 9_999_999_999);

/** `audit-akd`: audits the published proofs of another kind of log, AKD, as WhatsApp has it. */
export function auditAkdCommand(program: Command, run: RunServer): void {
  program
    .command('audit-akd <place>')
    .description(
      'audit the published append-only proofs of an AKD log, such as WhatsApp’s: from a bucket, a mirror or a folder',
    )
    .addOption(
      new Option('--configuration <name>', 'hashes of the log')
        .choices(['whatsapp', 'experimental'])
        .default('whatsapp'),
    )
    .option('--domain-label <text>', 'domain label of the experimental configuration')
    .addOption(
      new Option('--named-epoch <which>', 'epoch in a name: the one after the proof, or before it')
        .choices(['end', 'start'])
        .default('end'),
    )
    .option('--from <epoch>', 'begin with the proof that leads to this epoch; default: the first one', parseEpoch)
    .option('--start-root <hex>', 'root that the first proof must start from; default: what its name says')
    .option('--to <epoch>', 'audit no further than this epoch', parseEpoch)
    .option('--names <file>', 'names of the objects, one a line, for a mirror that lists nothing')
    .option('--state <dir>', 'folder for the state of this audit, and for evidence; default: one for each place')
    .option('--auditor <url>', 'also compare the roots with what the published auditor signed')
    .option('--auditor-namespace <name>', 'name that the auditor gives the log')
    .option('--auditor-key <hex>', 'Ed25519 key of the auditor')
    .option('--max-object-mib <n>', 'most MiB of one object', wholeNumber('a number of MiB', 1, 1024), 256)
    .option('--max-nodes <n>', 'most nodes of one proof', wholeNumber('nodes', 1, MAX_SORTED_NODES), MAX_SORTED_NODES)
    .option('--watch', 'keep auditing as the log grows, until something is wrong')
    .option('--interval <seconds>', 'pause between the rounds of --watch', parseSeconds, 60)
    .option('--check', 'the place is an evidence file: check it again, without asking anybody')
    .option('--json', 'print the report as JSON; with --watch, one line per round')
    .addHelpText(
      'after',
      '\nExample:\n  $ glasskey audit-akd https://d4ttn6vhp3mg0.cloudfront.net --from 722606 --watch',
    )
    .action((place: string, flags: AkdFlags) =>
      // Unlike an operator's commands, this one judges somebody else.
      run(() => (flags.check === true ? check(place, flags) : audit(place, flags)).catch(reportVerdict)),
    );
}

function reportVerdict(error: unknown): number {
  reportFailure(error);
  return exitCodeOf(error);
}

async function audit(place: string, flags: AkdFlags): Promise<number> {
  const task = await akdTaskOf(place, flags);
  const pauses = flags.watch === true ? new Pauses() : undefined;
  const standing = new StandingFaults();
  try {
    print(await auditAkdRound(task), flags, true);
    while ((await pauses?.wait(flags.interval * 1000)) === true) {
      try {
        print(await auditAkdRound(task), flags, false);
        standing.succeeded();
      } catch (error) {
        const mayPass = isGlasskeyError(error) && ['network', 'storage', 'overload'].includes(error.fault);
        if (!mayPass || error.code.startsWith('state-')) throw error;
        standing.failed(error);
      }
    }
    return EXIT.fine;
  } catch (error) {
    if (error instanceof AkdFinding) await keepEvidence(error, task);
    throw error;
  }
}

async function keepEvidence(finding: AkdFinding, { source, kind, folder }: AkdTask): Promise<void> {
  try {
    const path = await writeAkdEvidence(finding, source.place, kind, folder);
    process.stderr.write(`glasskey: evidence is in ${path}\n`);
  } catch (error) {
    process.stderr.write(`glasskey: cannot write the evidence: ${String(error)}\n`);
  }
}

function print(report: AkdReport, { json, watch }: AkdFlags, isFirst: boolean): void {
  if (json === true && watch === true) printLines(JSON.stringify(akdReportJson(report)));
  else if (json === true) printJson(akdReportJson(report));
  else if (isFirst) printLines(...akdReportLines(report));
  else if (report.epochs > 0) printLines(akdReportLine(report));
}

async function check(path: string, flags: AkdFlags): Promise<number> {
  ensure(flags.watch !== true, 'usage', '--check checks one file: leave --watch out');
  const evidence = await readAkdEvidence(path, flags.maxObjectMib * 2 ** 20);
  const kind = akdKindOf(flags);
  const shown = checkAkdEvidence(evidence, {
    kind,
    configuration: akdConfigurationOf(kind),
    maxNodes: flags.maxNodes,
    auditorKey: flags.auditorKey === undefined ? undefined : hex32(flags.auditorKey, '--auditor-key'),
  });
  const { place, code } = evidence;
  if (flags.json === true) printJson({ shown, place, code });
  else {
    printLines(
      `SHOWN: ${oneLine(shown)} (${oneLine(code)})`,
      `  the finder says that ${oneLine(place)} published this; ${whoSigned(evidence.exhibits.signed !== undefined)}`,
    );
  }
  return EXIT.misbehaviour;
}

function whoSigned(isSigned: boolean): string {
  if (isSigned) return 'the auditor signed its part, and nobody the root of the log: compare that with the log';
  return 'nobody signs these objects: fetch them yourself to see the same';
}
