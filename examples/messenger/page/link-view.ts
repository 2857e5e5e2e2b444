import { restorePart } from './backup-view.ts';
import { el, failurePlace } from './dom.ts';
import { qrCode } from './qr-code.ts';
import type { MakeView } from './view.ts';

/** A new device shows its code, until another one has added it. */
export const linkView: MakeView = (messenger) => {
  const title = el('h1', {});
  const picture = el('div', { class: 'qr-place' });
  const text = el('textarea', { id: 'link-code', readonly: true, rows: 4 });
  const failure = failurePlace();
  const element = el(
    'section',
    { class: 'card narrow' },
    title,
    el('p', {}, 'You have another device with this name. Open “Devices” there, and give it this code.'),
    picture,
    el('label', { for: 'link-code' }, 'An app scans the picture. Here, copy the text'),
    text,
    el(
      'p',
      { class: 'quiet' },
      'Your other device signs this one in; the service has no say. You have no other device? Then somebody else has ' +
        'registered your name. Use another one, and tell the service.',
    ),
    failure,
    restorePart(messenger),
    el('div', { class: 'row' }, el('button', { class: 'second', onclick: () => void messenger.logOut() }, 'Log out')),
  );
  return {
    element,
    update({ stage }) {
      element.hidden = stage.type !== 'link';
      if (stage.type !== 'link') return;
      failure.textContent = stage.failure ?? '';
      if (text.value === stage.code) return;
      title.textContent = `Add this device to ${stage.name}`;
      text.value = stage.code;
      picture.replaceChildren(qrCode(stage.code, 'The code of this device'));
    },
  };
};
