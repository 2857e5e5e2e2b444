import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { formatPem } from '../../ca/der/pem.ts';
import type { Alert } from '../../client/state/client-state.ts';
import type { KeyDirectory, Monitored, OwnerMonitored } from '../../client/key-directory.ts';
import { MonitoringSchedule } from '../../client/monitoring-schedule.ts';
import { isGlasskeyError } from '../../core/errors.ts';
import { decodeIdentityRecord } from '../../identity/identity-record.ts';
import { type ClientOptions, openDirectory } from '../client-options.ts';
import { parseSeconds } from '../number-option.ts';
import { EXIT, exitCodeOf, reportFailure } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output.ts';
import { alertJson, alertLines } from '../record-output.ts';
import { reportEnd } from '../report-end.ts';
import type { RunClient } from './run-command.ts';

interface MonitorOptions extends ClientOptions {
  readonly watch?: boolean;
  readonly interval?: number;
  readonly own?: boolean;
  readonly acknowledge?: boolean;
  readonly json?: boolean;
}

/** `glasskey monitor`: does the log still hold what it showed, and only what its owner made? */
export function monitorCommand(program: Command, run: RunClient): void {
  program
    .command('monitor [identities...]')
    .description(
      'monitor your own identities and what you looked up: exit 2 for a version that its owner did not make, and for a\n' +
        'contact whose keys were changed by the operator or without explanation, until you acknowledge it\n' +
        '(default: all of the state; an identity that the state does not know is taken as your own)',
    )
    .requiredOption('--server <url>', 'URL of the server')
    .option(
      '--trust <file>',
      'trust bundle to hold the server to; default: the pinned one, else the first that is seen',
    )
    .option('--state <dir>', 'folder for what this client knows')
    .option('--own', 'take the identities as your own, also where they were only looked up so far')
    .option('--acknowledge', 'let what was reported pass: do not report it again')
    .option(
      '--watch',
      'go on until something is wrong; exit 1 where the server could not be asked for a whole monitoring window',
    )
    .option(
      '--interval <seconds>',
      'longest pause of --watch; default: a fourth of the monitoring window, at most an hour',
      parseSeconds,
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ glasskey monitor alice@example.com --server https://keys.example --watch')
    .action((identities: readonly string[], options: MonitorOptions) =>
      run(options, async () => {
        const directory = await openDirectory(options);
        if (options.acknowledge === true) await acknowledge(directory, identities);
        const round = () => toldDespite(directory, identities, () => monitorOnce(directory, identities, options));
        return options.watch === true ? watch(directory, round, options) : round();
      }),
    );
}

/**
 * Goes on until a round finds something wrong. Where the server does not answer, or refuses, it tries again; after a whole
 * monitoring window of that it gives up, since its user must not believe that somebody is watching.
 */
async function watch(directory: KeyDirectory, round: () => Promise<number>, options: MonitorOptions): Promise<number> {
  const { reasonableMonitoringWindowMs: windowMs } = directory.trust.config;
  const intervalMs = options.interval === undefined ? undefined : options.interval * 1000;
  const schedule = new MonitoringSchedule({ windowMs, intervalMs });
  for (;;) {
    try {
      const code = await round();
      if (code !== EXIT.fine) return code;
      schedule.succeeded();
    } catch (error) {
      schedule.failed();
      if (!mayPass(error) || schedule.isOverdue) throw error;
      reportFailure(error);
    }
    const due = await directory.monitoringDue().catch(() => []);
    await sleep(schedule.nextAtMs(due) - Date.now());
  }
}

/** Not so: misbehaviour, and what no waiting changes. */
function mayPass(error: unknown): boolean {
  return isGlasskeyError(error) && exitCodeOf(error) === EXIT.refused && error.fault !== 'usage';
}

/**
 * A round, of which what was noticed is told also where it fails: else a server that has shown a false key could keep it from its
 * owner by giving no answer to whatever comes after. What the failure itself shows to be wrong is thrown.
 */
async function toldDespite(
  directory: KeyDirectory,
  identities: readonly string[],
  round: () => Promise<number>,
): Promise<number> {
  try {
    return await round();
  } catch (error) {
    const meant = new Set(identities.map((text) => directory.identity(text).text));
    const noticed = await directory.alerts().catch((): readonly Alert[] => []);
    const alerts = noticed.filter(({ identity }) => meant.size === 0 || meant.has(identity));
    tell(alerts);
    if (alerts.length === 0 || exitCodeOf(error) === EXIT.misbehaviour) throw error;
    reportFailure(error);
    return EXIT.misbehaviour;
  }
}

function tell(alerts: readonly Alert[]): void {
  for (const { identity, reason } of alerts) process.stderr.write(`glasskey: ${identity}: ${oneLine(reason)}\n`);
}

async function monitorOnce(
  directory: KeyDirectory,
  identities: readonly string[],
  options: MonitorOptions,
): Promise<number> {
  const results: Monitored[] = [];
  if (identities.length === 0) results.push(...(await directory.monitor()));
  for (const identity of identities) {
    const isOwn = options.own === true || !(await directory.isKnown(identity));
    if (isOwn) results.push(await directory.own(identity));
    else results.push(...(await directory.monitor([identity])));
  }
  await reportEnd(directory);
  if (options.json === true) printJson({ monitored: results.map(resultJson) });
  else printLines(...(results.length === 0 ? ['nothing to monitor'] : results.flatMap(resultLines)));
  const alerts = results.flatMap((result) => result.alerts);
  tell(alerts);
  return alerts.length > 0 ? EXIT.misbehaviour : EXIT.fine;
}

async function acknowledge(directory: KeyDirectory, identities: readonly string[]): Promise<void> {
  for (const { identity, reason } of await directory.acknowledge(identities)) {
    process.stderr.write(`${identity}: acknowledged: ${oneLine(reason)}\n`);
  }
}

function resultJson(result: Monitored): Record<string, unknown> {
  if (result.role === 'contact') return { ...result, alerts: result.alerts.map(alertJson) };
  const { role, identity, treeSize, verifiedTo, added, alerts, binding } = result;
  return {
    role,
    identity,
    treeSize,
    verifiedTo,
    version: binding.version,
    added: added.map(({ version, origin }) => ({ version, origin })),
    alerts: alerts.map(alertJson),
  };
}

function resultLines(result: Monitored): string[] {
  if (result.role === 'contact') {
    const { identity, checked, remaining, alerts } = result;
    const versions = checked.map(({ version }) => version).join(', ');
    const shown = versions === '' ? 'nothing that you saw needs monitoring' : `still in the log: version ${versions}`;
    const rest = remaining.length > 0 ? '; monitor again within the monitoring window' : '';
    return [`${identity}: ${shown}${rest}`, ...alertLines(alerts).map((line) => `  ${line}`)];
  }
  const { identity, binding, verifiedTo, alerts, added, treeSize } = result;
  const to =
    verifiedTo === undefined
      ? 'the log is young: monitoring of past entries begins with its first distinguished one'
      : `every version was checked up to log entry ${verifiedTo} of ${treeSize}`;
  if (alerts.length > 0) {
    const falseVersions = alerts.filter(({ type }) => type === 'unexpected-version').length;
    const what = falseVersions > 0 ? `${falseVersions} version(s) that you did not make` : 'look at this';
    return [`${identity}: WARNING: ${what}; ${to}`, ...alerts.flatMap(falseVersionLines)];
  }
  if (added.some(({ origin }) => origin === 'adopted')) return takenOverLines(result);
  return [`${identity}: version ${binding.version}, all versions are yours; ${to}`];
}

/** What was there before is taken as it is, also where this client knew it once and lost its state: people have to look. */
function takenOverLines({ identity, binding: { version, certificates } }: OwnerMonitored): string[] {
  return [
    `${identity}: taken as your own at version ${version}, and monitored from now on; make sure that these keys are yours:`,
    ...certificates.map(({ serial, spkiSha256 }) => `  ${serial}  key ${spkiSha256}`),
  ];
}

function falseVersionLines({ identity, version, reason, value }: Alert): string[] {
  const record = value === undefined ? undefined : decodeIdentityRecord(value);
  const certificates = record?.certificates ?? [];
  const advice = `  if that was not you: glasskey veto ${identity} --credentials <a key of yours> --server <url>`;
  return [
    `  version ${version}: ${oneLine(reason)}`,
    ...(record?.pending === undefined ? [] : [advice]),
    ...certificates.map((der) => formatPem('CERTIFICATE', der).trimEnd()),
  ];
}
