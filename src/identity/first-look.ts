import { GlasskeyError } from '../core/errors.ts';
import { checkTransition, type HeldVersion, type JudgedLink, judgedLink, type Transition } from './continuity.ts';
import { findOwnersRecord } from './owners-record.ts';
import { readBack, type ReadLinks } from './read-back.ts';
import { breaksChain } from './record-link.ts';

/** Versions per read: most identities have fewer, so one read suffices. */
const PAGE = 16;

/** The versions before the latest one, for a client that holds none of them. */
export interface EarlierVersions {
  readonly read: ReadLinks;
  /** Most versions to judge, the latest one included. */
  readonly maximumVersions: number;
  /** Returns true once `read` or `recoveryWaited` gave nothing because of a bound of the client. */
  readonly isSpent: () => boolean;
  /** Returns true if the last read that was within the bounds gave fewer versions than it asked for. */
  readonly isWithheld: () => boolean;
}

/** The versions 0 to `last`, about which a first look says nothing. */
export interface Unjudged {
  readonly last: number;
  /**
   * `bound`: the client stopped. `not-shown`: the log did not show the versions, perhaps after an erasure; also if the
   * client stopped because of what the log showed instead.
   */
  readonly why: 'bound' | 'not-shown';
}

/** The outcome of {@link judgeBack}. */
export interface JudgedBack {
  /** The judged versions up to the latest one, ascending and without a gap. */
  readonly links: readonly JudgedLink[];
  readonly unjudged: Unjudged | undefined;
  /** The rule that the version before the judged ones breaks; they follow from it, so it is looked at no further. */
  readonly fault: GlasskeyError | undefined;
}

/** Input of {@link judgeBack}. */
export interface BackWalk extends Pick<Transition, 'origin' | 'label' | 'ports' | 'recoveryWaited'> {
  readonly earlier: EarlierVersions;
}

/**
 * Judges the versions of a label from the latest one backwards, as far as the bounds allow. A version counts as judged
 * only if everything that its verdict needs was within the bounds: otherwise the look ends before it.
 */
export async function judgeBack(walk: BackWalk, latest: HeldVersion): Promise<JudgedBack> {
  const { label, earlier } = walk;
  const { read, maximumVersions, isSpent, isWithheld } = earlier;
  const end = Math.max(0, latest.version - maximumVersions);
  const versions = readBack({ label, read, end, page: PAGE }, latest);
  const judge = judgeOf(walk);
  const links: JudgedLink[] = [];
  const unjudged = (last: number, isEnd: boolean): JudgedBack => {
    const isBound = isEnd || (isSpent() && !isWithheld());
    return { links, unjudged: { last, why: isBound ? 'bound' : 'not-shown' }, fault: undefined };
  };
  for (let version = latest; ;) {
    try {
      const { done, value } = version.version === 0 ? { done: false, value: undefined } : await versions.next();
      if (value === 'broken') throw new GlasskeyError('bad-chain', 'a version is not the one that its successor names');
      if (done === true || typeof value === 'string') return unjudged(version.version, value === 'end');
      const type = await judge(value, version);
      if (isSpent()) return unjudged(version.version, false);
      links.unshift(judgedLink(version, type));
      if (value === undefined) return { links, unjudged: undefined, fault: undefined };
      version = value;
    } catch (error) {
      if (!breaksChain(error)) throw error;
      if (isSpent()) return unjudged(version.version, false);
      return { links, unjudged: undefined, fault: error };
    }
  }
}

function judgeOf({ origin, label, ports, recoveryWaited, earlier: { read } }: BackWalk) {
  const ownersRecord = findOwnersRecord({ origin, label, ports, recoveryWaited, read });
  return (previous: HeldVersion | undefined, { version, record: next }: HeldVersion) =>
    checkTransition({ origin, label, version, previous, next, ports, recoveryWaited, ownersRecord });
}
