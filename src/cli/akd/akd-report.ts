import type { AkdPosition } from '../../akd/audit-epochs.ts';
import { equalBytes, formatHex } from '../../core/encoding/bytes.ts';
import { oneLine } from '../output/print.ts';

/** The result of one round of an audit of an AKD log, and the progress of all rounds. */
export interface AkdReport {
  readonly place: string;
  /** The name of the configuration. */
  readonly configuration: string;
  /** Root hash of the empty tree. */
  readonly emptyRoot: Uint8Array;
  readonly position: AkdPosition;
  /** Epochs and insertions that this round verified. */
  readonly epochs: number;
  readonly inserted: number;
  readonly seconds: number;
  /** True if the caller named the root to start from. */
  readonly isStartGiven: boolean;
  /** The auditor's name of the log, and how many roots wait for its signature; undefined without an auditor. */
  readonly auditor?: { readonly namespace: string; readonly unsigned: number } | undefined;
}

/** True for an audit that begins with the empty tree, and takes nothing on trust. */
const isWhole = ({ position, emptyRoot }: AkdReport): boolean => equalBytes(position.startRoot, emptyRoot);

/** Returns a report as JSON. */
export function akdReportJson(report: AkdReport): Record<string, unknown> {
  const { place, configuration, position, epochs, inserted, seconds, auditor } = report;
  return {
    place,
    configuration,
    startEpoch: position.startEpoch,
    startRoot: formatHex(position.startRoot),
    fromEmptyTree: isWhole(report),
    endEpoch: position.endEpoch,
    endRoot: formatHex(position.endRoot),
    epochs,
    inserted,
    allEpochs: position.endEpoch - position.startEpoch,
    allInserted: position.inserted,
    seconds,
    ...(auditor === undefined ? {} : { auditor }),
  };
}

/** Returns a report as lines for people. */
export function akdReportLines(report: AkdReport): string[] {
  const { position, auditor } = report;
  return [
    akdReportLine(report),
    `  verified: epochs ${position.startEpoch + 1} to ${position.endEpoch}, ${position.inserted} insertions`,
    `  root of epoch ${position.endEpoch}: ${formatHex(position.endRoot)}`,
    `  ${startWords(report)}`,
    ...(auditor === undefined ? [] : [`  ${auditorWords(auditor)}`]),
  ];
}

/** Returns the line that one round gets. */
export function akdReportLine({ place, position, epochs, inserted, seconds }: AkdReport): string {
  const name = oneLine(place);
  if (epochs === 0) return `OK: nothing new after epoch ${position.endEpoch} in ${name}`;
  return `OK: ${epochs} epochs of ${name} verified, ${inserted} insertions in ${seconds.toFixed(1)} s`;
}

function startWords(report: AkdReport): string {
  const { position, isStartGiven } = report;
  if (isWhole(report)) return 'begins with the empty tree: nothing in it is taken on trust';
  const root = `the root of epoch ${position.startEpoch}, ${formatHex(position.startRoot)}`;
  const origin = isStartGiven ? 'which you gave' : 'which the log named and nobody here verified';
  return `rests on ${root}, ${origin}`;
}

function auditorWords({ namespace, unsigned }: NonNullable<AkdReport['auditor']>): string {
  const name = oneLine(namespace);
  if (unsigned === 0) return `the auditor of ${name} signed the same root for every epoch that it was asked about`;
  return `the auditor of ${name} has not signed the last ${unsigned} of these roots yet`;
}
