import { acting, el, failurePlace } from './dom.ts';
import type { MakeView } from './view.ts';

/** Two people compare the log that each was shown. */
export const logView: MakeView = (messenger) => {
  const mine = el('textarea', { id: 'heads', readonly: true, rows: 4 });
  const theirs = el('textarea', { id: 'their-heads', rows: 4, required: true, spellcheck: false });
  const verdict = el('p', { id: 'verdict', role: 'status' });
  const failure = failurePlace();
  const compare = el('button', { type: 'submit', id: 'compare' }, 'Compare');
  const form = el(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        verdict.textContent = '';
        acting(compare, failure, async () => {
          await messenger.compareHeads(theirs.value);
          verdict.textContent = 'You were both shown the same log.';
        });
      },
    },
    el('label', { for: 'their-heads' }, 'The text of the other person'),
    theirs,
    el('div', { class: 'row' }, compare),
    verdict,
    failure,
  );
  const element = el(
    'section',
    { class: 'card', id: 'log-screen' },
    el('h1', {}, 'The same log for everybody?'),
    el(
      'p',
      {},
      'Whoever runs the log could show each of you another one. Send this text to a friend by another way, and paste ' +
        'the friend’s text below.',
    ),
    el('label', { for: 'heads' }, 'Your text'),
    mine,
    form,
  );
  return {
    element,
    update({ stage }) {
      if (stage.type !== 'ready' || location.hash !== '#/log') return;
      void messenger.heads().then((text) => {
        mine.value = text ?? 'This device has seen too little of the log. Wait a moment.';
      });
    },
  };
};
