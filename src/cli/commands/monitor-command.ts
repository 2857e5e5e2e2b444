import type { Command } from 'commander';
import type { Alert } from '../../client/state/client-state.ts';
import type { KeyDirectory, Monitored } from '../../client/key-directory.ts';
import { MonitoringSchedule } from '../../client/monitoring-schedule.ts';
import { GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { timerMs } from '../../core/net/with-deadline.ts';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { parseSeconds } from '../number-option.ts';
import { EXIT, exitCodeOf, reportFailure } from '../exit-code.ts';
import { oneLine, printJson, printLines } from '../output/print.ts';
import { Pauses } from '../pauses.ts';
import { reportEnd } from '../output/report-end.ts';
import { monitoredJson, monitoredLines } from './monitor-report.ts';
import { clientCommand, type RunClient } from './run-command.ts';

interface MonitorOptions extends ClientOptions {
  readonly watch?: boolean;
  readonly interval?: number;
  readonly own?: boolean;
  readonly acknowledge?: boolean;
  readonly json?: boolean;
}

/** The message for a round that takes too long. */
const SILENCE = 'no round of monitoring succeeded for a whole monitoring window: nobody is watching';

/** `monitor`: checks that the log keeps what it showed, and that owners made all versions of their identities. */
export function monitorCommand(program: Command, run: RunClient): void {
  clientCommand(
    program,
    'monitor [identities...]',
    'monitor your own identities and those that you looked up; without names, all that the state knows.\n' +
      'A name that the state does not know is taken as your own. Exits with 2, until you acknowledge it, for a\n' +
      'version that its owner did not make, and for a contact whose keys the operator changed or nobody explains;\n' +
      'with 1 if only a restored state or a long absence explains them',
    'glasskey monitor alice@example.com --server https://keys.example --watch',
  )
    .option('--own', 'take the named identities as your own, even if you only looked them up so far')
    .option('--acknowledge', 'acknowledge the reported alerts, which are then not reported again')
    .option(
      '--watch',
      'keep monitoring until something is wrong; exit 1 if no round succeeds for a whole monitoring window',
    )
    .option(
      '--interval <seconds>',
      'longest pause of --watch, at most half the monitoring window; default: a quarter of it, at most an hour',
      parseSeconds,
    )
    .option('--json', 'print the result as JSON')
    .action((identities: readonly string[], options: MonitorOptions) =>
      run(options, async () => {
        const ending = new AbortController();
        const directory = await openDirectory(options, { signal: ending.signal });
        if (options.acknowledge === true) await acknowledge(directory, identities);
        const round = () => reportDespite(directory, identities, () => monitorOnce(directory, identities, options));
        return options.watch === true ? watch(directory, round, options, ending) : round();
      }),
    );
}

/**
 * Repeats rounds until one finds something wrong. Retries if the server does not answer or refuses, and gives up after
 * a whole monitoring window without a successful round, whether rounds failed or one does not end: the user must not
 * believe that somebody is watching. `ending` ends the directory's requests.
 */
async function watch(
  directory: KeyDirectory,
  round: () => Promise<number>,
  options: MonitorOptions,
  ending: AbortController,
): Promise<number> {
  const { reasonableMonitoringWindowMs: windowMs } = directory.trust.config;
  const intervalMs = options.interval === undefined ? undefined : options.interval * 1000;
  const schedule = new MonitoringSchedule({ windowMs, intervalMs });
  const pauses = new Pauses();
  for (;;) {
    const giveUp = (): void => ending.abort(new GlasskeyError('network-failed', SILENCE));
    const timer = setTimeout(giveUp, timerMs(schedule.patienceMs));
    let failure: unknown;
    try {
      const code = await round();
      if (code !== EXIT.fine) return code;
      schedule.succeeded();
    } catch (error) {
      schedule.failed();
      if (!mayPass(error) || schedule.isOverdue || ending.signal.aborted) throw error;
      reportFailure(error);
      failure = error;
    } finally {
      clearTimeout(timer);
    }
    const due = await directory.monitoringDue().catch(() => []);
    const pauseMs = schedule.nextAtMs(due) - Date.now();
    const goesOn = await pauses.wait(failure === undefined ? pauseMs : Math.min(pauseMs, schedule.patienceMs));
    if (!goesOn) return EXIT.fine;
    if (schedule.isOverdue) throw failure;
  }
}

/** Returns true for a failure that may pass: neither misbehaviour nor a usage error. */
function mayPass(error: unknown): boolean {
  return isGlasskeyError(error) && exitCodeOf(error) === EXIT.refused && error.fault !== 'usage';
}

/**
 * Runs one monitoring round, and reports its alerts even if the round fails. Otherwise a server that has shown a false
 * key could hide it from the owner by not answering the next request. Rethrows a failure that is misbehaviour itself.
 */
async function reportDespite(
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
    reportAlerts(alerts);
    if (alertsCode(alerts) === EXIT.fine || exitCodeOf(error) === EXIT.misbehaviour) throw error;
    reportFailure(error);
    return alertsCode(alerts);
  }
}

function reportAlerts(alerts: readonly Alert[]): void {
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
  if (options.json === true) printJson({ monitored: results.map(monitoredJson) });
  else
    printLines(
      ...(results.length === 0
        ? ['nothing to monitor. Next: name an identity of yours, or look one up']
        : results.flatMap(monitoredLines)),
      ...(results.length === 0 || options.watch === true ? [] : [again(directory, results)]),
    );
  const alerts = results.flatMap((result) => result.alerts);
  reportAlerts(alerts);
  return alertsCode(alerts);
}

/**
 * Returns 2 for alerts. Returns 1 if each is a recovery, or explained by the client's own absence: no log need have
 * lied.
 */
function alertsCode(alerts: readonly Alert[]): number {
  if (alerts.length === 0) return EXIT.fine;
  return alerts.every(({ type, afterAbsence }) => type === 'recovery' || afterAbsence === true)
    ? EXIT.refused
    : EXIT.misbehaviour;
}

/** Says when monitoring has to go on, or how to end a warning. */
function again(directory: KeyDirectory, results: readonly Monitored[]): string {
  const isWarning = results.some(({ alerts }) => alerts.length > 0);
  if (isWarning) return 'Next: once you have looked into this, `glasskey monitor --acknowledge` ends the warning';
  const hours = directory.trust.config.reasonableMonitoringWindowMs / 3_600_000;
  return `Next: monitor again within ${Math.round(hours * 10) / 10} h, or let --watch do it`;
}

async function acknowledge(directory: KeyDirectory, identities: readonly string[]): Promise<void> {
  for (const { identity, reason } of await directory.acknowledge(identities)) {
    process.stderr.write(`${identity}: acknowledged: ${oneLine(reason)}\n`);
  }
}
