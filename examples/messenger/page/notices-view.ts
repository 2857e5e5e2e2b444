import type { Notice } from '../device/words.ts';
import { acting, el, failurePlace } from './dom.ts';
import type { MakeView } from './view.ts';

/** Alarms and news, on top of everything. */
export const noticesView: MakeView = (messenger) => {
  const element = el('div', { id: 'notices', 'aria-live': 'assertive' });
  let shown = '';
  const card = (notice: Notice): HTMLElement => {
    const failure = failurePlace();
    const seen = el(
      'button',
      { class: 'second' },
      notice.name === undefined ? 'I have told it to others' : 'I have asked',
    );
    seen.addEventListener('click', () => acting(seen, failure, () => messenger.seen(notice)));
    return el(
      'section',
      { class: `notice ${notice.kind}` },
      el('h2', {}, notice.title),
      el('p', {}, notice.text),
      notice.detail === undefined
        ? undefined
        : el('p', { class: 'quiet' }, `In the words of the library: ${notice.detail}.`),
      notice.kind === 'alarm' ? seen : undefined,
      failure,
    );
  };
  return {
    element,
    update({ notices, stage }) {
      const text = stage.type === 'ready' ? JSON.stringify(notices) : '';
      if (text === shown) return;
      shown = text;
      element.replaceChildren(...(stage.type === 'ready' ? notices.map(card) : []));
    },
  };
};
