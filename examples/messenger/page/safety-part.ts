import type { Messenger } from '../device/messenger.ts';
import { noNumberText } from '../device/words.ts';
import { acting, el, failurePlace } from './dom.ts';
import { qrCode } from './qr-code.ts';

/** The safety number with a contact, folded away: two people who see the same one are shown the same keys. */
export function safetyPart(messenger: Messenger, callee: () => string): HTMLDetailsElement {
  const failure = failurePlace();
  const digits = el('p', { class: 'digits', id: 'safety-digits' });
  const picture = el('div', { class: 'qr-place' });
  const again = el('button', { class: 'second' }, 'Compute it again');
  const compute = async (): Promise<void> => {
    digits.textContent = '';
    picture.replaceChildren();
    const number = await messenger.safetyNumber(callee()).catch((cause: unknown) => {
      throw new Error(noNumberText(cause), { cause });
    });
    digits.textContent = number.digits;
    picture.replaceChildren(qrCode(number.qr, 'The safety number as a QR code'));
  };
  again.addEventListener('click', () => acting(again, failure, compute));
  const part = el(
    'details',
    { class: 'safety' },
    el('summary', {}, 'Safety number'),
    el('p', { class: 'quiet' }, 'Compare it in person. It is the same on both sides, and changes with every device.'),
    digits,
    picture,
    failure,
    again,
  );
  part.addEventListener('toggle', () => {
    if (part.open) acting(again, failure, compute);
  });
  return part;
}
