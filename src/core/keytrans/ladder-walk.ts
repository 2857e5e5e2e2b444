import { baseBinaryLadder, endsSearchLadder, monitoringBinaryLadder } from './binary-ladder.ts';
import type { EvidenceAnswer, LookupQuestion } from './evidence.ts';

/** One lookup of a version in an entry's prefix tree, and its outcome. */
export interface Lookup {
  readonly version: number;
  readonly included: boolean;
}

/** The lookups whose outcome is known in advance. */
export interface KnownOutcomes {
  /**
   * Returns the outcome of looking `version` up at `position` that follows from evidence shown before, or undefined.
   */
  outcome(version: number, position: number): boolean | undefined;
}

/** The result of a {@link LookupQuestion}. */
export interface LadderWalk {
  readonly answer: EvidenceAnswer;
  /** The lookups that its PrefixProof holds, in order, without those omitted. */
  readonly lookups: readonly Lookup[];
}

/**
 * Walks the lookups of a question (KT §6.2, §8.1), in order. `outcomeOf` returns the outcome of the next lookup that is
 * not omitted; an error that it throws ends the walk.
 */
export function walkLadder(
  question: LookupQuestion,
  shown: KnownOutcomes,
  outcomeOf: (version: number) => boolean,
): LadderWalk {
  const lookups: Lookup[] = [];
  const look = (version: number): boolean => {
    const included = outcomeOf(version);
    lookups.push({ version, included });
    return included;
  };
  switch (question.kind) {
    case 'search-ladder': {
      const { position, target, omit } = question;
      for (const version of baseBinaryLadder(target)) {
        const included = (omit ? shown.outcome(version, position) : undefined) ?? look(version);
        if (endsSearchLadder(target, version, included)) return { answer: included ? 1 : -1, lookups };
      }
      return { answer: 0, lookups };
    }
    case 'monitoring-ladder': {
      for (const version of monitoringBinaryLadder(question.target)) look(version);
      return { answer: lookups.every(({ included }) => included) ? 0 : -1, lookups };
    }
    case 'lookups': {
      for (const version of question.versions) look(version);
      return { answer: lookups.filter(({ included }) => included).length, lookups };
    }
  }
}
