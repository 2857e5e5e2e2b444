import { byId, el } from './dom.ts';
import { countText } from './format.ts';
import { forget, type Session } from './session.ts';

/** Shows what this browser keeps of the log, and the button that forgets it. */
export function showMemory({ explorer, state, seenSize, isKept }: Session): void {
  const { origin } = explorer.directory.trust.bundle;
  const names = state.contacts.size;
  const since =
    seenSize === undefined
      ? `This browser sees the log ${origin} for the first time. From now on, it notices if the log takes something back.`
      : `This browser knows the log ${origin} from an earlier visit, when it had ${countText(seenSize, 'entry', 'entries')}. What it shows now continues that.`;
  byId('memory-body').replaceChildren(
    el('p', {}, since),
    el(
      'p',
      {},
      isKept
        ? `It keeps the trust bundle, the newest state of the log, and ${countText(names, 'name')} that you looked up, on this device only.`
        : 'It has no place to keep anything here, such as in a private window: everything ends with this page.',
    ),
    ...forgetParts(),
  );
}

/** Returns the button that forgets, which asks once more. */
export function forgetParts(): readonly HTMLElement[] {
  const place = el('div', { class: 'row' });
  const ask = el('button', { type: 'button', class: 'second' }, 'Forget all of this');
  const back = (): void => {
    place.replaceChildren(ask);
    ask.focus();
  };
  ask.addEventListener('click', () => {
    const sure = el('button', { type: 'button', class: 'danger', onclick: forget }, 'Forget');
    const no = el('button', { type: 'button', class: 'second', onclick: back }, 'Keep it');
    place.replaceChildren(
      el('span', {}, 'Then this browser no longer notices what the log takes back. Forget it?'),
      sure,
      no,
    );
    no.focus();
  });
  place.append(ask);
  return [place];
}
