import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientOptions } from '../client-options.ts';
import { openDirectory } from '../open-directory.ts';
import { CredentialFolder } from './credentials.ts';
import { EXIT, exitCodeOf, reportFailure } from '../exit-code.ts';
import { renewInTime } from './renew-daemon.ts';
import { renewalDueMs } from './renewal-schedule.ts';
import { stopSignal } from '../stop-signal.ts';
import { printIssued } from '../output/binding-output.ts';

/** The options of `renew`. */
export interface RenewOptions extends ClientOptions {
  readonly credentials: string;
  readonly daemon?: boolean;
  readonly json?: boolean;
}

/** Renews a certificate once, or keeps it renewed with --daemon. */
export async function renew(identity: string, options: RenewOptions): Promise<number> {
  const folder = new CredentialFolder(options.credentials);
  const once = async (): Promise<number> => {
    const directory = await openDirectory(options);
    const issued = await directory.renew(identity, await folder.key(), await folder.companions());
    await folder.writeCertificate(issued);
    return printIssued(issued.binding, folder, options);
  };
  return options.daemon === true ? keepRenewed(folder, once) : once();
}

/** Renews in time until a signal arrives. Retries refusals of the server and the network; misbehaviour ends it. */
async function keepRenewed(folder: CredentialFolder, renewOnce: () => Promise<number>): Promise<number> {
  const leave = new AbortController();
  void stopSignal().then(() => leave.abort());
  const due = new Date(renewalDueMs(await folder.leaf())).toISOString();
  process.stderr.write(`next renewal: ${due}\n`);
  await renewInTime({
    read: () => folder.leaf(),
    renew: renewOnce,
    now: Date.now,
    random: Math.random,
    sleep: (milliseconds) => sleep(milliseconds, true, leave).catch(() => false),
    report: (error) => {
      if (error === undefined) return;
      if (error instanceof Error && exitCodeOf(error) === EXIT.misbehaviour) throw error;
      reportFailure(error);
    },
  });
  return EXIT.fine;
}
