import type { Command } from 'commander';
import { clientOptions, type ClientOptions, stateFolder } from '../client-options.ts';
import { writeEvidence } from '../evidence.ts';
import { EXIT, exitCodeOf, isLie, reportFailure } from '../exit-code.ts';

/** Runs the work of a client's command; its result is the exit code. */
export type RunClient = (options: ClientOptions, work: () => Promise<number>) => Promise<void>;

/** Runs the work of an operator's command; its result is the exit code. */
export type RunServer = (work: () => Promise<number>) => Promise<void>;

/**
 * Runs a client's command. If something does not verify, exits with 2, and leaves evidence in the state folder if a
 * server or a log showed it.
 */
export async function runClient(options: ClientOptions, work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    reportFailure(error);
    process.exitCode = exitCodeOf(error);
    if (isLie(error)) await writeEvidence(error, stateFolder(options));
  }
}

/** Runs an operator's command. Never exits with 2: a failure concerns the operator's own folder, database or clock. */
export async function runServer(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    reportFailure(error);
    process.exitCode = EXIT.refused;
  }
}

/** Help of `--allow-disjoint-quorums`. */
export const ALLOW_DISJOINT_HELP = 'accept a policy with two quorums that share no witness; clients then warn of it';

/** Adds a client's command, with the options that all of them share. */
export function clientCommand(parent: Command, usage: string, summary: string, example: string): Command {
  return clientOptions(parent.command(usage).description(summary)).addHelpText('after', `\nExample:\n  $ ${example}`);
}
