import type { LogActivity } from '../client/explore/log-activity.ts';
import { el, svgEl } from './dom.ts';
import { countText, dayText, numberText } from './format.ts';

const WIDTH = 640;
const HEIGHT = 120;
const GAP = 2;
/** A young log has its few days at the right, not as one wide bar. */
const LEAST_SLOTS = 14;

/** Draws the changes of the last days as bars, with the same in words. */
export function activityPlot({ days, isSample, entries }: LogActivity): HTMLElement {
  const most = Math.max(1, ...days.map(({ changes }) => changes));
  const [first, last] = [days[0], days.at(-1)];
  const total = days.reduce((sum, { changes }) => sum + changes, 0);
  const span = first === undefined || last === undefined ? '' : `${dayText(first.dayMs)} to ${dayText(last.dayMs)}`;
  const slots = Math.max(days.length, LEAST_SLOTS);
  const slot = WIDTH / slots;
  const bars = days.map(({ changes, dayMs }, i) => {
    const height = changes === 0 ? 1 : Math.max(2, (changes / most) * HEIGHT);
    const text = svgEl('title', {}, `${dayText(dayMs)}: ${numberText(changes)}`);
    const [x, width] = [(slots - days.length + i) * slot, Math.max(2, slot - GAP)];
    return svgEl('rect', { x, y: HEIGHT - height, width, height, rx: 1.5, class: 'bar' }, text);
  });
  const about = isSample ? 'about ' : '';
  const words = `Entries with changes a day, ${span}: ${about}${numberText(total)} in all, at most ${numberText(most)} on a day.`;
  const source = isSample
    ? `Estimated from a sample of ${countText(entries, 'entry', 'entries')}, each proved to be in the log.`
    : `Counted from ${countText(entries, 'entry', 'entries')}, each proved to be in the log.`;
  return el(
    'figure',
    { class: 'plot' },
    svgEl(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': words, preserveAspectRatio: 'none' },
      ...bars,
    ),
    el(
      'div',
      { class: 'axis', 'aria-hidden': 'true' },
      el('span', {}, first === undefined || days.length < LEAST_SLOTS ? '' : dayText(first.dayMs)),
      el('span', {}, last === undefined ? '' : dayText(last.dayMs)),
    ),
    el('figcaption', {}, `${words} ${source}`),
  );
}
