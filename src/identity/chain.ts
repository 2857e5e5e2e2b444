import { equalBytes } from '../core/encoding/bytes.ts';
import { GlasskeyError } from '../core/errors.ts';
import {
  checkTransition,
  type HeldVersion,
  type JudgedLink,
  judgedLink,
  type LinkType,
  type OwnersRecord,
  type RecoveryWaited,
} from './continuity.ts';
import { type EarlierVersions, judgeBack, type Unjudged } from './first-look.ts';
import { findOwnersRecord } from './owners-record.ts';
import type { ReadLinks } from './read-back.ts';
import { breaksChain, openLink, type RecordLink } from './record-link.ts';
import type { ContinuityPorts } from './spki-set.ts';

/** A version with the commitment, opening and value that the log showed. */
export interface OpenedVersion {
  readonly version: number;
  /** Proved to be in the log. */
  readonly commitment: Uint8Array;
  readonly opening: Uint8Array;
  /** The encoded IdentityRecord. */
  readonly value: Uint8Array;
}

/** Input of {@link checkChain}. */
export interface ChainInput {
  readonly origin: string;
  readonly label: Uint8Array;
  /** The client's previous version of the label, if any. */
  readonly held: HeldVersion | undefined;
  /** Versions held.version + 1 to latest.version - 1, ascending; undefined for versions that the log did not send. */
  readonly between: readonly (RecordLink | undefined)[];
  /** The version that a verified search found. */
  readonly latest: OpenedVersion;
  readonly ports: ContinuityPorts;
  /** Looks up a recovery's wait in the log. Default: every effective recovery counts as `operator`. */
  readonly recoveryWaited?: RecoveryWaited | undefined;
  /** Reads versions again, to judge a veto by a key that the record before it lacks. Default: no such veto stands. */
  readonly read?: ReadLinks | undefined;
  /** The versions before the latest one, if nothing is held. Default: they are not judged. */
  readonly earlier?: EarlierVersions | undefined;
}

/** From the best to the worst. */
export const CHAIN_VERDICTS = [
  'unchanged',
  'first-seen',
  'key',
  'maintenance',
  'recovery',
  'operator',
  'unexplained',
] as const;

/** The verdict on an identity since the client last looked: the worst of all links, or that nothing needs saying. */
export type ChainVerdict = (typeof CHAIN_VERDICTS)[number];

/** The outcome of {@link checkChain}. */
export interface CheckedChain {
  readonly verdict: ChainVerdict;
  /** The latest version, which the client holds from now on. */
  readonly latest: HeldVersion;
  /** Each new version with a valid link, ascending. Incomplete if the verdict is `unexplained`. */
  readonly links: readonly JudgedLink[];
  /** The versions that a first look did not judge. Undefined if it judged all, and on any later look. */
  readonly unjudged: Unjudged | undefined;
  /** Why the chain is `unexplained`. */
  readonly fault: GlasskeyError | undefined;
}

/**
 * Judges everything that happened to a label since `held` (`docs/spec.md#what-a-contact-is-told`). Checks the whole
 * chain, not only the last link. Each version must open the `previous_commitment` of its successor, and its
 * authorisation must permit its record.
 *
 * A broken chain yields the verdict `unexplained` instead of an error, because the latest record is still in the log.
 * Throws `bad-record` or `bad-commitment` if the latest version itself is not a record or does not open. Throws
 * `bad-chain` if the log went back behind `held`, or has another value for the same version.
 */
export async function checkChain(input: ChainInput): Promise<CheckedChain> {
  const latest = openLatest(input);
  const { held } = input;
  if (held === undefined) return checkFirstSeen(input, latest);
  if (latest.version === held.version) {
    assertNotLost(
      equalBytes(latest.commitment, held.commitment),
      'the log has another value for a version that the client holds',
    );
    return { verdict: 'unchanged', latest, links: [], unjudged: undefined, fault: undefined };
  }
  assertNotLost(latest.version > held.version, 'the log shows an older version than the client holds');
  return checkSince(input, held, latest);
}

/** Returns the worst of some link types; `best` if there are none. */
export function worstVerdict(types: readonly ChainVerdict[], best: ChainVerdict): ChainVerdict {
  const rank = (type: ChainVerdict): number => CHAIN_VERDICTS.indexOf(type);
  return types.reduce((worst, type) => (rank(type) > rank(worst) ? type : worst), best);
}

async function checkSince(input: ChainInput, held: HeldVersion, latest: HeldVersion): Promise<CheckedChain> {
  const links: JudgedLink[] = [];
  const { origin, label, ports, recoveryWaited, read } = input;
  const ownersRecord = read && findOwnersRecord({ origin, label, ports, recoveryWaited, read });
  try {
    let previous = held;
    for (const version of openBetween(input, held, latest)) {
      const type = await judge({ ...input, ownersRecord }, previous, version);
      links.push(judgedLink(version, type));
      previous = version;
    }
    const types = links.map((link) => (link.type === 'initial' ? 'unexplained' : link.type));
    return { verdict: worstVerdict(types, 'unchanged'), latest, links, unjudged: undefined, fault: undefined };
  } catch (error) {
    return unexplained(error, latest, links);
  }
}

/**
 * Judges the versions up to the first one that the client sees. There is no held version to compare with, so the
 * verdict is `first-seen` unless a version breaks a rule; the links name each author.
 */
async function checkFirstSeen(input: ChainInput, latest: HeldVersion): Promise<CheckedChain> {
  const { earlier = NONE_EARLIER } = input;
  const { links, unjudged, fault } = await judgeBack({ ...input, earlier }, latest);
  return { verdict: fault === undefined ? 'first-seen' : 'unexplained', latest, links, unjudged, fault };
}

/** The versions that a client without the log can read. */
const NONE_EARLIER: EarlierVersions = {
  read: () => Promise.resolve([]),
  maximumVersions: 0,
  isSpent: () => false,
  isWithheld: () => false,
};

interface JudgeInput extends ChainInput {
  readonly ownersRecord?: OwnersRecord | undefined;
}

function judge(input: JudgeInput, previous: HeldVersion, next: HeldVersion): Promise<LinkType> {
  const { origin, label, ports, recoveryWaited, ownersRecord } = input;
  const { version, record } = next;
  return checkTransition({ origin, label, version, previous, next: record, ports, recoveryWaited, ownersRecord });
}

/** Returns the versions after `held`, ascending, each with its commitment computed from opening and value. */
function openBetween(input: ChainInput, held: HeldVersion, latest: HeldVersion): readonly HeldVersion[] {
  const missing = latest.version - held.version - 1;
  if (input.between.length !== missing) throw new GlasskeyError('bad-chain', 'versions in between are missing');
  const opened = input.between.map((link, i): HeldVersion => {
    if (link === undefined) throw new GlasskeyError('bad-chain', 'a version in between is missing');
    return openLink(input.label, held.version + 1 + i, link);
  });
  return [...opened, latest];
}

function openLatest({ label, latest }: ChainInput): HeldVersion {
  const opened = openLink(label, latest.version, latest);
  if (!equalBytes(opened.commitment, latest.commitment)) {
    throw new GlasskeyError('bad-commitment', 'the latest value does not open its commitment');
  }
  return opened;
}

function unexplained(error: unknown, latest: HeldVersion, links: readonly JudgedLink[]): CheckedChain {
  if (!breaksChain(error)) throw error;
  return { verdict: 'unexplained', latest, links, unjudged: undefined, fault: error };
}

function assertNotLost(condition: boolean, message: string): asserts condition {
  if (!condition) throw new GlasskeyError('bad-chain', message);
}
