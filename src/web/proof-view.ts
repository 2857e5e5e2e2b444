import type { LookupExplanation } from '../client/explore/explain-lookup.ts';
import { shortHash, turnsOf } from '../client/explore/explain-lookup.ts';
import { el, folded, codedText } from './dom.ts';
import { ageText, countText, numberText, timeText } from './format.ts';
import { drawPath } from './path-drawing.ts';

/** The context of a proof that its steps mention. */
export interface ShownProof {
  /** As the user knows it. */
  readonly name: string;
  readonly nowMs: number;
  /** Witnesses that must sign a head before this browser accepts it; 0 if the log has none. */
  readonly witnesses: number;
  /** Certificates that were checked; undefined for a name that is not there. */
  readonly certificates: number | undefined;
}

/** Shows how a lookup was checked: in steps, and as a drawing. Both unfold. */
export function proofView(proof: LookupExplanation, context: ShownProof): readonly HTMLElement[] {
  const steps = stepsOf(proof, context);
  return [
    folded(
      `How your browser checked this, in ${steps.length} steps`,
      el('ol', { class: 'steps' }, ...steps.map(([title, text]) => step(title, text))),
      el(
        'p',
        { class: 'quiet' },
        `The proof had ${countText(proof.hashes, 'hash', 'hashes')} and ${numberText(proof.bytes)} bytes.`,
      ),
    ),
    folded('The path of the proof, drawn', ...drawings(proof, context)),
  ];
}

function step(title: string, text: string): HTMLElement {
  return el('li', {}, el('strong', {}, title), ' ', ...codedText(text));
}

/** Returns the beginning of a hash, to be shown as code. */
function code(hash: Uint8Array): string {
  return `\`${shortHash(hash)}\``;
}

type Step = readonly [title: string, text: string];

function stepsOf(proof: LookupExplanation, context: ShownProof): readonly Step[] {
  const { name } = context;
  const { search } = proof.shown;
  const hidden: Step = [
    'Hide the name.',
    `The log does not list “${name}”. It lists a hidden key instead, ${code(search.searchKey)}. The server proved ` +
      'that this key, and no other, belongs to the name.',
  ];
  return [hidden, ...nameSteps(proof), ...logSteps(proof, context)];
}

function nameSteps({ found, version, entries, shown: { entry, search } }: LookupExplanation): readonly Step[] {
  const root = code(entry.prefixRoot);
  const looks = entries.reduce((sum, { searches }) => sum + searches.length, 0);
  const turns = countText(search.depth, 'turn');
  if (!found) {
    const place = search.end === 'empty' ? 'an empty place' : 'another name’s place, and only one name fits there';
    const text = `The bits of the hidden key say where it would be. ${turns} lead to ${place}.`;
    const everywhere = `It is missing in ${countText(entries.length, 'state')} of the log that could hold it, to the newest one. There, the hashes beside the path give the root ${root}.`;
    return [
      ['Look where it would be.', text],
      ['Look at every state that counts.', everywhere],
    ];
  }
  return [
    [
      'Find it in the tree of names.',
      `The bits of the hidden key lead in ${turns} to its leaf. With the hashes beside the path, the leaf gives the root ${root}.`,
    ],
    [
      'Make sure that it is the newest version.',
      `This is version ${version}. ${countText(looks, 'search', 'searches')} show that there is no later one, to the newest entry of the log.`,
    ],
  ];
}

function logSteps(
  { found, treeSize, seenSize, logRoot, logPath, entries, shown }: LookupExplanation,
  { nowMs, witnesses, certificates }: ShownProof,
): readonly Step[] {
  const { position, timestampMs } = shown.entry;
  const newest = entries.at(-1) ?? shown.entry;
  const seen =
    seenSize === undefined
      ? 'This browser saw this log for the first time, so there was nothing to compare with.'
      : `Before this lookup, this browser had seen ${countText(seenSize, 'entry', 'entries')}. The log still begins with exactly these.`;
  const steps: Step[] = [
    [
      'Find this tree in the log.',
      `Entry ${numberText(position)}, of ${timeText(timestampMs)}, holds that root. ${countText(logPath.length, 'hash', 'hashes')} lead from it to the root of the whole log, ${code(logRoot)}.`,
    ],
    [
      'Check the signatures.',
      `The log signed this root for ${countText(treeSize, 'entry', 'entries')}; the newest is from ${ageText(newest.timestampMs, nowMs)}. ${witnessWords(witnesses)}`,
    ],
    ['Compare with what this browser saw.', seen],
  ];
  if (!found || certificates === undefined) return steps;
  const checked = `${countText(certificates, 'certificate')} in the record: ${certificates === 1 ? 'it' : 'each'} names this name alone, and is signed by the authority of this directory.`;
  return [...steps, ['Check the certificates.', checked]];
}

function witnessWords(witnesses: number): string {
  if (witnesses === 0) return 'The log has no independent witnesses, so only comparing with others shows a split log.';
  return `The quorum of its ${countText(witnesses, 'independent witness', 'independent witnesses')} signed it too.`;
}

function drawings(proof: LookupExplanation, { name }: ShownProof): readonly HTMLElement[] {
  const { entry, search } = proof.shown;
  const ends = { found: 'found', empty: 'empty', 'other-name': 'other' } as const;
  const endLabels = {
    found: `version ${search.version}`,
    empty: 'nothing here',
    'other-name': 'another name',
  } as const;
  const names = drawPath({
    title: `The path of ${name} through the tree of names: ${countText(search.depth, 'turn')} from the root to ${endLabels[search.end]}.`,
    turns: turnsOf(search),
    rootLabel: `tree of names ${shortHash(entry.prefixRoot)}`,
    endLabel: endLabels[search.end],
    end: ends[search.end],
  });
  const log = drawPath({
    title: `The path of entry ${entry.position} through the log: ${countText(proof.logPath.length, 'turn')} from the signed root.`,
    turns: proof.logPath.toReversed().map(({ sibling }) => sibling === 'left'),
    rootLabel: `signed root ${shortHash(proof.logRoot)}`,
    endLabel: `entry ${numberText(entry.position)}`,
    end: 'found',
  });
  const figure = (drawing: SVGElement, caption: string): HTMLElement =>
    el('figure', {}, drawing, el('figcaption', {}, caption));
  return [
    el(
      'div',
      { class: 'drawings' },
      figure(names, 'Through the tree of names. Each turn is a bit of the hidden key.'),
      figure(log, 'Through the log. The root of the first tree is in the entry at the end.'),
    ),
    el(
      'p',
      { class: 'quiet' },
      'The line is the path. The squares beside it are hashes that the server sent; from the end of the line and these, your browser computes the root.',
    ),
  ];
}
