import { commit } from '../core/crypto/commitment.ts';
import { equalBytes } from '../core/encoding/bytes.ts';
import { GlasskeyError, isGlasskeyError } from '../core/errors.ts';
import { checkTransition, type HeldVersion, type LinkType, type RecoveryWaited } from './continuity.ts';
import { decodeIdentityRecord, type IdentityRecord } from './identity-record.ts';
import type { ContinuityPorts } from './spki-set.ts';

/** A version whose commitment, opening and value the log showed. */
export interface OpenedVersion {
  readonly version: number;
  /** Proved to be in the log. */
  readonly commitment: Uint8Array;
  readonly opening: Uint8Array;
  /** The encoded IdentityRecord. */
  readonly value: Uint8Array;
}

/** One version's opening and value, untrusted: from a `chain` answer. */
export interface RecordLink {
  readonly opening: Uint8Array;
  readonly value: Uint8Array;
}

/** What {@link checkChain} reads. */
export interface ChainInput {
  readonly origin: string;
  readonly label: Uint8Array;
  /** What the client held about the label. */
  readonly held: HeldVersion | undefined;
  /** Versions held.version + 1 to latest.version - 1, ascending; what the log did not give is left out. */
  readonly between: readonly (RecordLink | undefined)[];
  /** The version that a verified search found. */
  readonly latest: OpenedVersion;
  readonly ports: ContinuityPorts;
  /** Looks a recovery's wait up in the log. Default: every recovery in effect is told as `operator`. */
  readonly recoveryWaited?: RecoveryWaited | undefined;
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

/** What became of an identity since the client last looked: the worst of all links, or that there is nothing to say. */
export type ChainVerdict = (typeof CHAIN_VERDICTS)[number];

/** How one version came about. */
export interface JudgedLink {
  readonly version: number;
  readonly type: LinkType;
}

/** The outcome of {@link checkChain}. */
export interface CheckedChain {
  readonly verdict: ChainVerdict;
  /** The latest version, as the client holds it from now on. */
  readonly latest: HeldVersion;
  /** Each new version whose link held, ascending. Incomplete where the verdict is `unexplained`. */
  readonly links: readonly JudgedLink[];
  /** Why the chain is `unexplained`. */
  readonly fault: GlasskeyError | undefined;
}

/**
 * Judges everything that happened to a label since `held` (DESIGN §7). A contact checks the chain and not the last link:
 * each version must open the `previous_commitment` of its successor, and its record must be one that whoever authorised
 * it could make.
 *
 * A chain that does not close is `unexplained`, whatever the reason, and is told, not thrown: the latest record is in the
 * log all the same. Throws `bad-record` and `bad-commitment` where the latest version itself is not a record or does not
 * open, and `bad-chain` where the log went back behind what is held or holds another value for the same version.
 */
export async function checkChain(input: ChainInput): Promise<CheckedChain> {
  const latest = openLatest(input);
  const { held } = input;
  if (held === undefined) return checkFirstSeen(input, latest);
  if (latest.version === held.version) {
    assertNotLost(
      equalBytes(latest.commitment, held.commitment),
      'the log has another value for a version that is held',
    );
    return { verdict: 'unchanged', latest, links: [], fault: undefined };
  }
  assertNotLost(latest.version > held.version, 'the log shows an older version than the one that is held');
  return checkSince(input, held, latest);
}

/** The worst of some link types; `best` for none. */
export function worstVerdict(types: readonly ChainVerdict[], best: ChainVerdict): ChainVerdict {
  const rank = (type: ChainVerdict): number => CHAIN_VERDICTS.indexOf(type);
  return types.reduce((worst, type) => (rank(type) > rank(worst) ? type : worst), best);
}

async function checkSince(input: ChainInput, held: HeldVersion, latest: HeldVersion): Promise<CheckedChain> {
  const links: JudgedLink[] = [];
  try {
    let previous = held;
    for (const version of openBetween(input, held, latest)) {
      const type = await judge(input, previous, version);
      links.push({ version: version.version, type });
      previous = version;
    }
    const types = links.map((link) => (link.type === 'initial' ? 'unexplained' : link.type));
    return { verdict: worstVerdict(types, 'unchanged'), latest, links, fault: undefined };
  } catch (error) {
    return unexplained(error, latest, links);
  }
}

/** Nothing held: there is nothing to compare with, except that a version 0 must be one. */
async function checkFirstSeen(input: ChainInput, latest: HeldVersion): Promise<CheckedChain> {
  if (latest.version > 0) return { verdict: 'first-seen', latest, links: [], fault: undefined };
  try {
    const type = await judge(input, undefined, latest);
    return { verdict: 'first-seen', latest, links: [{ version: 0, type }], fault: undefined };
  } catch (error) {
    return unexplained(error, latest, []);
  }
}

function judge(input: ChainInput, previous: HeldVersion | undefined, next: HeldVersion): Promise<LinkType> {
  const { origin, label, ports, recoveryWaited } = input;
  const { version, record } = next;
  return checkTransition({ origin, label, version, previous, next: record, ports, recoveryWaited });
}

/** The versions after `held`, ascending, each with its commitment computed from opening and value. */
function openBetween(input: ChainInput, held: HeldVersion, latest: HeldVersion): readonly HeldVersion[] {
  const missing = latest.version - held.version - 1;
  if (input.between.length !== missing) throw new GlasskeyError('bad-chain', 'versions between are missing');
  const opened = input.between.map((link, i): HeldVersion => {
    if (link === undefined) throw new GlasskeyError('bad-chain', 'a version between is missing');
    const version = held.version + 1 + i;
    return { version, commitment: commitmentOf(input.label, version, link), record: readRecord(link.value) };
  });
  return [...opened, latest];
}

function openLatest({ label, latest }: ChainInput): HeldVersion {
  const { version, commitment, opening, value } = latest;
  if (!equalBytes(commitmentOf(label, version, { opening, value }), commitment)) {
    throw new GlasskeyError('bad-commitment', 'the latest value does not open its commitment');
  }
  return { version, commitment, record: readRecord(value) };
}

function commitmentOf(label: Uint8Array, version: number, { opening, value }: RecordLink): Uint8Array {
  if (opening.length !== 16) throw new GlasskeyError('bad-commitment', 'an opening is not of 16 bytes');
  return commit({ opening, label, version, update: { value, signature: undefined } });
}

function readRecord(value: Uint8Array): IdentityRecord {
  try {
    return decodeIdentityRecord(value);
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    throw new GlasskeyError('bad-record', 'a value of the log is not an identity record', { cause });
  }
}

function unexplained(error: unknown, latest: HeldVersion, links: readonly JudgedLink[]): CheckedChain {
  const told =
    isGlasskeyError(error) &&
    ['bad-record', 'bad-chain', 'bad-change-signature', 'bad-commitment'].includes(error.code);
  if (!told) throw error;
  return { verdict: 'unexplained', latest, links, fault: error };
}

function assertNotLost(condition: boolean, message: string): asserts condition {
  if (!condition) throw new GlasskeyError('bad-chain', message);
}
