import type { Messenger } from '../device/messenger.ts';
import type { Notice } from '../device/notice.ts';
import { nameOf } from '../shared/protocol.ts';
import { acting, el, failurePlace, timeText } from './dom.ts';
import type { MakeView } from './view.ts';

/** A notice on the page. */
interface Card {
  readonly element: HTMLElement;
  /** Writes what changes while the notice stays. */
  readonly update: (notice: Notice) => void;
}

const SCREENS = {
  devices: ['#/devices', 'Open Devices'],
  log: ['#/log', 'Open The log'],
} as const;

/** Alarms and news, on top of everything. A notice that stays is not read out again. */
export const noticesView: MakeView = (messenger) => {
  const element = el('div', { id: 'notices', 'aria-live': 'assertive' });
  let cards: ReadonlyMap<string, Card> = new Map();
  return {
    element,
    update({ notices, stage }) {
      const told = stage.type === 'ready' ? notices : [];
      const next = new Map(told.map((one) => [keyOf(one), cards.get(keyOf(one)) ?? makeCard(messenger, one)]));
      for (const one of told) next.get(keyOf(one))?.update(one);
      if ([...next.keys()].join('\n') === [...cards.keys()].join('\n')) return;
      cards = next;
      element.replaceChildren(...[...next.values()].map((card) => card.element));
    },
  };
};

/** Names a notice, without the times that change at each round. */
function keyOf({ kind, title, text, detail, version }: Notice): string {
  return JSON.stringify([kind, title, text, detail, version]);
}

function makeCard(messenger: Messenger, notice: Notice): Card {
  const { kind, title, text, detail, screen, asks } = notice;
  const failure = failurePlace();
  const status = el('p', { class: 'quiet', 'aria-live': 'off' });
  const button = (words: string, act: () => Promise<void>): HTMLButtonElement => {
    const made = el('button', { class: 'second' }, words);
    made.addEventListener('click', () => acting(made, failure, act));
    return made;
  };
  const hide = button('Hide this', () => messenger.seen(notice));
  const answers = asks === undefined ? (kind === 'alarm' ? [hide] : []) : answersTo(messenger, notice, button);
  const [address, words] = screen === undefined ? [] : SCREENS[screen];
  const element = el(
    'section',
    { class: `notice ${kind}` },
    el('h2', {}, title),
    el('p', {}, text),
    status,
    detail === undefined
      ? undefined
      : el('details', { class: 'quiet' }, el('summary', {}, 'In the words of the library'), `${detail}.`),
    el(
      'div',
      { class: 'row' },
      address === undefined ? undefined : el('a', { class: 'button', href: address }, words),
      ...answers,
    ),
    failure,
  );
  const update = ({ lastSeenMs, overSinceMs }: Notice): void => {
    hide.hidden = overSinceMs === undefined;
    status.hidden = lastSeenMs === undefined;
    if (overSinceMs !== undefined) status.textContent = `Over since ${timeText(overSinceMs)}.`;
    else if (lastSeenMs !== undefined) status.textContent = `Still going on: last seen ${timeText(lastSeenMs)}.`;
  };
  return { element, update };
}

/** Makes the buttons by which the user answers a change of keys. */
function answersTo(
  messenger: Messenger,
  notice: Notice,
  button: (words: string, act: () => Promise<void>) => HTMLButtonElement,
): readonly HTMLButtonElement[] {
  const accept = (): Promise<void> => messenger.seen(notice);
  if (notice.asks === 'own') return [button('I know this device', accept)];
  const name = nameOf(notice.about ?? '');
  if (notice.kind === 'news') return [button(`I have asked ${name}`, accept)];
  return [
    button(`I have asked ${name} in person: the keys are right`, accept),
    button(`${name} says: a key is not mine`, () => messenger.denied(notice)),
  ];
}
