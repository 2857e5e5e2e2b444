import { parsePolicyLines } from '../../core/audit/policy-lines.ts';
import { formatVkey, type Vkey } from '../../core/audit/vkey.ts';
import { ensure } from '../../core/errors.ts';

/** Most logs of one witness. Each has a line and a file; an idle log costs nothing else. */
const MAX_LOGS = 10_000;
const MAX_FILE_LENGTH = 32 * 1024 * 1024;

/** The logs that a witness knows: their keys by origin. A log may have several keys, such as while it changes them. */
export type WitnessedLogs = ReadonlyMap<string, readonly Vkey[]>;

/**
 * Parses the operator's list of logs: the `log <vkey> [<url>]` lines of c2sp.org/tlog-policy, with comments. A key's
 * name is its log's origin. Throws `bad-policy`, also if two lines have the same key.
 */
export function parseWitnessedLogs(text: string): WitnessedLogs {
  ensure(text.length <= MAX_FILE_LENGTH, 'bad-policy', 'the list of logs is too long');
  const { logs, witnesses, groups } = parsePolicyLines(`${text}\nquorum none\n`);
  ensure(witnesses.length + groups.length === 0, 'bad-policy', 'the list of logs may have only log lines');
  ensure(logs.length <= MAX_LOGS, 'bad-policy', `the list has more than ${MAX_LOGS} logs`);
  const keys = new Set(logs.map(({ vkey }) => vkey.publicKey.join()));
  ensure(keys.size === logs.length, 'bad-policy', 'two lines of the list of logs have the same key');
  const byOrigin = new Map<string, Vkey[]>();
  for (const { vkey } of logs) byOrigin.set(vkey.name, [...(byOrigin.get(vkey.name) ?? []), vkey]);
  return byOrigin;
}

/** Returns the list with a log added; unchanged if it is there already. Throws `bad-policy`. */
export function withLog(text: string, vkey: Vkey, url: string | undefined): string {
  const known = parseWitnessedLogs(text).get(vkey.name) ?? [];
  if (known.some((one) => formatVkey(one) === formatVkey(vkey))) return text;
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  const grown = `${text}${separator}log ${formatVkey(vkey)}${url === undefined ? '' : ` ${url}`}\n`;
  parseWitnessedLogs(grown);
  return grown;
}
