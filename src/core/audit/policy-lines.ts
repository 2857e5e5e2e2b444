import { decodeUtf8, encodeUtf8 } from '../encoding/bytes.ts';
import { ensure, GlasskeyError } from '../errors.ts';
import { NO_QUORUM, type Policy, type PolicyGroup, type PolicyLog, type PolicyWitness } from './policy-parts.ts';
import { ED25519_COSIGNATURE, ED25519_NOTE, ML_DSA_COSIGNATURE, parseVkey, type Vkey } from './vkey.ts';

/** The key types with which a log may sign its checkpoints here. */
const LOG_KEY_TYPES: readonly number[] = [ED25519_NOTE, ED25519_COSIGNATURE, ML_DSA_COSIGNATURE];

interface Draft {
  readonly logs: PolicyLog[];
  readonly witnesses: PolicyWitness[];
  readonly groups: PolicyGroup[];
  /** The names of all witnesses and groups defined so far. */
  readonly defined: Set<string>;
  /** The names that are already a member of some group. */
  readonly grouped: Set<string>;
  quorum: string | undefined;
}

/** Parses the lines of a policy in order. The caller checks for keys that appear twice. Throws `bad-policy`. */
export function parsePolicyLines(text: string): Policy {
  ensure(isPolicyText(text), 'bad-policy', 'the policy has control characters other than tab and newline');
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: [],
    defined: new Set(),
    grouped: new Set(),
    quorum: undefined,
  };
  for (const line of text.split('\n')) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '');
    if (words.length > 0 && words[0]?.startsWith('#') !== true) readLine(draft, words);
  }
  ensure(draft.quorum !== undefined, 'bad-policy', 'the policy has no quorum line');
  return { logs: draft.logs, witnesses: draft.witnesses, groups: draft.groups, quorum: draft.quorum };
}

function isPolicyText(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text) && decodeUtf8(encodeUtf8(text)) === text;
}

function readLine(draft: Draft, words: readonly string[]): void {
  const [keyword, ...rest] = words as [string, ...string[]];
  if (keyword === 'log') readLog(draft, rest);
  else if (keyword === 'witness') readWitness(draft, rest);
  else if (keyword === 'group') readGroup(draft, rest);
  else if (keyword === 'quorum') readQuorum(draft, rest);
  else throw new GlasskeyError('bad-policy', 'a line of the policy starts with none of log, witness, group and quorum');
}

function readLog(draft: Draft, words: readonly string[]): void {
  const [vkey, url] = words;
  ensure(vkey !== undefined && words.length <= 2, 'bad-policy', 'a log line is: log <vkey> [<url>]');
  const parsed = readVkey(vkey);
  ensure(LOG_KEY_TYPES.includes(parsed.type), 'bad-policy', 'the key of a log is not of a known signature type');
  draft.logs.push({ vkey: parsed, ...(url === undefined ? {} : { url }) });
}

function readWitness(draft: Draft, words: readonly string[]): void {
  const [name, vkey, url] = words;
  const isWhole = name !== undefined && vkey !== undefined && words.length <= 3;
  ensure(isWhole, 'bad-policy', 'a witness line is: witness <name> <vkey> [<url>]');
  define(draft, name);
  draft.witnesses.push({ name, vkey: readVkey(vkey), ...(url === undefined ? {} : { url }) });
}

function readGroup(draft: Draft, words: readonly string[]): void {
  const [name, rule, ...members] = words;
  const isWhole = name !== undefined && rule !== undefined && members.length > 0;
  ensure(isWhole, 'bad-policy', 'a group line is: group <name> all|any|<k> <name>...');
  for (const member of members) {
    ensure(draft.defined.has(member), 'bad-policy', 'a group names a member that no earlier line defines');
    ensure(!draft.grouped.has(member), 'bad-policy', 'a witness or group is a member twice');
    draft.grouped.add(member);
  }
  // After its members, because a group cannot contain itself.
  define(draft, name);
  draft.groups.push({ name, threshold: readThreshold(rule, members.length), members });
}

function readThreshold(rule: string, count: number): number {
  if (rule === 'any') return 1;
  if (rule === 'all') return count;
  const isInRange = /^[1-9][0-9]{0,3}$/.test(rule) && Number(rule) <= count;
  ensure(isInRange, 'bad-policy', 'the threshold of a group is not between one and the number of its members');
  return Number(rule);
}

function readQuorum(draft: Draft, words: readonly string[]): void {
  const [name] = words;
  ensure(name !== undefined && words.length === 1, 'bad-policy', 'a quorum line is: quorum <name>');
  ensure(draft.quorum === undefined, 'bad-policy', 'the policy has two quorum lines');
  ensure(name === NO_QUORUM || draft.defined.has(name), 'bad-policy', 'the quorum is not defined before its line');
  draft.quorum = name;
}

function define(draft: Draft, name: string): void {
  ensure(name !== NO_QUORUM, 'bad-policy', 'a witness or group is called none');
  ensure(!draft.defined.has(name), 'bad-policy', 'a name is defined twice');
  draft.defined.add(name);
}

function readVkey(text: string): Vkey {
  try {
    return parseVkey(text);
  } catch (cause) {
    throw new GlasskeyError('bad-policy', 'a key of the policy is not a usable vkey', { cause });
  }
}
