import type { LogActivity } from '../client/explore/log-activity.ts';
import { el, svgEl } from './dom.ts';
import { countText, dayText, numberText } from './format.ts';

const WIDTH = 640;
const HEIGHT = 120;
const GAP = 2;
/** A young log has its few days at the right, not as one wide bar. */
const LEAST_SLOTS = 14;
/** Longer numbers do not fit above each bar of a small screen. */
const MOST_DIGITS = 3;

/** A day with its place in the plot. */
interface Bar {
  readonly slot: number;
  readonly changes: number;
  /** From 0 to 1. */
  readonly height: number;
  readonly text: string;
}

/** Draws the changes of the last days as bars, with the same in words. `size`: entries of the whole log. */
export function activityPlot(activity: LogActivity, size: number): HTMLElement {
  const { days } = activity;
  const most = Math.max(...days.map(({ changes }) => changes), 0);
  if (most === 0) return el('p', { class: 'quiet' }, noChanges(activity, size));
  const slots = Math.max(days.length, LEAST_SLOTS);
  const bars = days.map(({ changes, dayMs }, i) => ({
    slot: slots - days.length + i,
    changes,
    height: changes / most,
    text: `${dayText(dayMs)}: ${numberText(changes)}`,
  }));
  const words = wordsOf(activity, most);
  const [first, last] = [days[0], days.at(-1)];
  return el(
    'figure',
    { class: 'plot' },
    el('div', { class: 'chart' }, numbers(bars, slots, most), drawn(bars, slots, words)),
    el(
      'div',
      { class: 'axis', 'aria-hidden': 'true' },
      el('span', {}, first === undefined || days.length < LEAST_SLOTS ? '' : dayText(first.dayMs)),
      el('span', {}, last === undefined ? '' : dayText(last.dayMs)),
    ),
    el('figcaption', {}, `${words} ${sourceOf(activity)}`),
  );
}

function noChanges({ days, entries }: LogActivity, size: number): string {
  return entries === size ? 'No changes yet.' : `No changes: ${spanOf(days)}.`;
}

function spanOf(days: LogActivity['days']): string {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return '';
  return first === last ? dayText(first.dayMs) : `${dayText(first.dayMs)} to ${dayText(last.dayMs)}`;
}

function wordsOf({ days, isSample }: LogActivity, most: number): string {
  const total = days.reduce((sum, { changes }) => sum + changes, 0);
  const about = isSample ? 'about ' : '';
  if (days.length === 1) return `Changes per day, ${spanOf(days)}: ${about}${numberText(total)}.`;
  return `Changes per day, ${spanOf(days)}: ${about}${numberText(total)} in all, at most ${about}${numberText(most)} on one day.`;
}

function sourceOf({ isSample, entries }: LogActivity): string {
  const read = countText(entries, 'entry', 'entries');
  if (isSample) return `Estimated from a sample of ${read}, each proved to be in the log.`;
  return entries === 1
    ? 'Counted from 1 entry, proved to be in the log.'
    : `Counted from ${read}, each proved to be in the log.`;
}

function drawn(bars: readonly Bar[], slots: number, words: string): SVGElement {
  const slot = WIDTH / slots;
  return svgEl(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': words, preserveAspectRatio: 'none' },
    ...bars.map((bar) => {
      const height = bar.changes === 0 ? 1 : Math.max(2, bar.height * HEIGHT);
      const [x, width] = [bar.slot * slot, Math.max(2, slot - GAP)];
      const title = svgEl('title', {}, bar.text);
      return svgEl('rect', { x, y: HEIGHT - height, width, height, rx: 1.5, class: 'bar' }, title);
    }),
  );
}

/** Writes the numbers above the bars: on each, or on the highest one if they would not fit. */
function numbers(bars: readonly Bar[], slots: number, most: number): HTMLElement {
  const fits = slots === LEAST_SLOTS && String(most).length <= MOST_DIGITS;
  const highest = bars.findLast(({ changes }) => changes === most);
  const place = el('div', { class: 'numbers', 'aria-hidden': 'true' });
  for (const bar of bars.filter((one) => (fits ? one.changes > 0 : one === highest))) {
    const number = el('span', {}, numberText(bar.changes));
    // The policy of the page allows this, and no `style` attribute.
    number.style.left = `${((bar.slot + 0.5) / slots) * 100}%`;
    number.style.bottom = `${bar.height * 100}%`;
    place.append(number);
  }
  return place;
}
