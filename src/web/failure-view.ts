import { type ExplainedFailure, explainFailure } from '../client/explain-failure.ts';
import { el, codedText } from './dom.ts';

const HEADINGS: Readonly<Record<ExplainedFailure['kind'], string>> = {
  contradiction: 'This log contradicts what it showed before',
  unproved: 'The server did not prove its answer',
  clock: 'The clocks disagree',
  refused: 'The server refused',
  trouble: 'That did not work',
};

const MEANINGS: Readonly<Record<ExplainedFailure['kind'], string>> = {
  contradiction:
    'An honest log cannot do that. Nothing that it shows now was taken over into what this browser remembers.',
  unproved:
    'Your browser checked the answer, and it does not hold. An honest server proves every answer. Nothing of it is shown or remembered.',
  clock: 'A wrong clock, here or there, is enough to cause it. Nothing is shown or remembered before that is settled.',
  refused: 'A refusal proves nothing, neither that a name exists nor that it does not.',
  trouble: 'Nothing was checked, so nothing is shown.',
};

/** Shows a failure in plain words: what happened, to what, what to do next, and its code. `level`: of its heading. */
export function failureView(error: unknown, about: string, level: 'h2' | 'h3' = 'h3'): HTMLElement {
  const { kind, code, means, next, detail, path } = explainFailure(error);
  const isAlarm = kind === 'contradiction' || kind === 'unproved';
  return el(
    'div',
    { class: isAlarm ? 'card alarm' : 'card look' },
    el(level, {}, `${HEADINGS[kind]}: ${about}`),
    el('p', {}, means),
    el('p', {}, MEANINGS[kind]),
    el('p', {}, el('strong', {}, 'What to do: '), ...codedText(next)),
    el(
      'p',
      { class: 'quiet' },
      kind === 'refused' ? "The server's own words: " : 'In detail: ',
      `“${detail}” `,
      el('a', { href: path }, el('code', {}, code)),
    ),
  );
}
