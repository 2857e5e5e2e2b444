import type { BindingChange, Provenance, VerifiedBinding } from '../client/binding/binding.ts';
import type { FirstLook } from '../client/binding/first-look.ts';

/** A verdict on how a name came to its keys, and how loudly to say it. */
export interface Verdict {
  readonly tone: 'calm' | 'look' | 'alarm';
  readonly text: string;
}

const CHANGES: Readonly<Record<BindingChange['type'], Verdict>> = {
  unchanged: { tone: 'calm', text: 'Nothing changed since this browser last looked.' },
  'first-seen': {
    tone: 'calm',
    text: 'This browser sees the name for the first time, and has nothing of its own to compare with.',
  },
  key: {
    tone: 'calm',
    text: 'Changed since this browser last looked. A key that the name had before signed each change.',
  },
  maintenance: {
    tone: 'calm',
    text: 'Changed since this browser last looked. The authority renewed or removed certificates, and added no key.',
  },
  recovery: {
    tone: 'look',
    text: 'Recovered since this browser last looked: somebody proved the name again, without any of its keys. Ask the owner whether it was them.',
  },
  operator: {
    tone: 'alarm',
    text: 'The operator changed the keys, and no key that the name had before signed it. Ask the owner, by another way, before you use them.',
  },
  unexplained: {
    tone: 'alarm',
    text: 'The log does not explain how the name came to these keys. Ask the owner, by another way, before you use them.',
  },
};

/** Returns the verdict on the change since this browser last looked. */
export function changeVerdict({ type, reason }: BindingChange): Verdict {
  const { tone, text } = CHANGES[type];
  return { tone, text: reason === undefined ? text : `${text} (${reason})` };
}

/** Returns what the first look at a name found, and what it did not check. */
export function firstLookVerdicts({ links, firstLook }: BindingChange): readonly Verdict[] {
  if (firstLook === undefined) return [];
  const recovered = links.filter(({ type }) => type === 'recovery').map(({ version }) => version);
  const recovery: Verdict[] = recovered.map((version) => ({
    tone: 'look',
    text: `Version ${version} is a recovery: somebody proved the name again, without any of its keys. Ask the owner whether it was them.`,
  }));
  return [...recovery, ...unjudged(firstLook)];
}

function unjudged({ unjudged: left }: FirstLook): readonly Verdict[] {
  if (left === undefined) return [];
  const versions = left.last === 0 ? 'version 0' : `versions 0 to ${left.last}`;
  const why =
    left.why === 'bound'
      ? 'there are more than a first look reads'
      : 'the log does not show them, perhaps because they were erased';
  return [{ tone: 'look', text: `Not checked: who made ${versions}; ${why}.` }];
}

/** Returns the words for a recovery that waits. */
export function pendingVerdict({ pending }: VerifiedBinding): Verdict | undefined {
  if (pending === undefined) return undefined;
  const text =
    'Somebody asks to replace every key of this name. Unless a key of its owner vetoes it, that takes effect after the wait. Ask the owner.';
  return { tone: 'alarm', text };
}

/** A version's author in words: what this browser judged, and what the record says of itself besides. */
export interface AuthorWords {
  /** Undefined if nothing is proved. */
  readonly judged: string | undefined;
  /** Undefined if it only repeats what was judged. */
  readonly claimed: string | undefined;
}

const LINKS: Readonly<Record<NonNullable<Provenance['link']>, string>> = {
  initial: 'First registration',
  key: 'Signed by a key that the name had before',
  maintenance: 'An act of the authority, which added no key',
  recovery: 'Recovered after the wait that the trust bundle demands',
  operator: 'Changed by the operator; no key of the name signed it',
};

/** Returns who made a version. Only what was judged is a fact; the rest is the record's own word. */
export function authorWords({ link, claimed }: Provenance): AuthorWords {
  return { judged: link && LINKS[link], claimed: link === claimed.type ? detailWords(claimed) : claimWords(claimed) };
}

/** Returns what a claim adds to a judgement of the same type. */
function detailWords(claimed: Provenance['claimed']): string | undefined {
  switch (claimed.type) {
    case 'initial':
      return evidenceWords(claimed.evidence);
    case 'maintenance':
      return claimed.kind;
    case 'operator':
      return `the reason is ${claimed.reason}`;
    case 'key':
    case 'recovery':
      return undefined;
  }
}

function claimWords(claimed: Provenance['claimed']): string {
  switch (claimed.type) {
    case 'initial':
      return `first registration, ${evidenceWords(claimed.evidence)}`;
    case 'key':
      return 'a change by a key of the name';
    case 'maintenance':
      return `${claimed.kind} by the authority`;
    case 'recovery':
      return claimed.phase === 'requested' ? 'a recovery, asked for' : 'a recovery, after its wait';
    case 'operator':
      return `a change by the operator, because: ${claimed.reason}`;
  }
}

function evidenceWords(evidence: Extract<Provenance['claimed'], { type: 'initial' }>['evidence']): string {
  switch (evidence.type) {
    case 'application':
      return 'vouched for by the application';
    case 'import':
      return 'imported by the administrator';
    case 'email':
      return 'vouched for by a confirmed e-mail';
    case 'oidc':
      return `vouched for by ${evidence.issuer}`;
  }
}

/**
 * Returns what a version changed about the keys, by their fingerprints. `before`: those of the version before it, or
 * undefined if they are not known.
 */
export function keyChangeWords(before: readonly string[] | undefined, now: readonly string[]): string | undefined {
  if (before === undefined) return undefined;
  const added = now.filter((key) => !before.includes(key)).length;
  const removed = before.filter((key) => !now.includes(key)).length;
  if (added === 0 && removed === 0) return 'no key changed';
  if (now.length === 0) return 'all keys removed';
  const words = [
    [Math.min(added, removed), 'replaced'],
    [added - removed, 'added'],
    [removed - added, 'removed'],
  ] as const;
  return words.flatMap(([count, what]) => (count > 0 ? [`${keysWord(count)} ${what}`] : [])).join(', ');
}

function keysWord(count: number): string {
  return count === 1 ? 'one key' : `${count} keys`;
}
