import type { Messenger } from '../device/messenger.ts';
import { acting, el, failurePlace } from './dom.ts';

/** The part of the devices' screen that makes a backup, and shows its password once. */
export function backupPart(messenger: Messenger): HTMLElement {
  const failure = failurePlace();
  const done = el('p', { id: 'backup-done', role: 'status' });
  const password = el('code', { id: 'backup-password' });
  const shown = el('p', { hidden: true }, 'Write this password down. It is shown once: ', password);
  const button = el('button', { class: 'second', id: 'back-up' }, 'Back up my chats now');
  button.addEventListener('click', () =>
    acting(button, failure, async () => {
      const made = await messenger.backUp();
      shown.hidden = made === undefined;
      password.textContent = made ?? '';
      done.textContent = 'The vault has your chats, sealed.';
    }),
  );
  return el(
    'section',
    {},
    el('h2', {}, 'Backup'),
    el('p', { class: 'quiet' }, 'Your chats, sealed with a password that this device makes. Keys are not in it.'),
    el('div', { class: 'row' }, button),
    done,
    shown,
    failure,
  );
}

/** The form on a new device that puts a backup back. */
export function restorePart(messenger: Messenger): HTMLElement {
  const failure = failurePlace();
  const password = el('input', { id: 'restore-password', autocomplete: 'off', autocapitalize: 'none', required: true });
  const button = el('button', { class: 'second', id: 'restore', type: 'submit' }, 'Restore');
  const onsubmit = (event: Event): void => {
    event.preventDefault();
    acting(button, failure, async () => {
      await messenger.restore(password.value);
      location.reload();
    });
  };
  return el(
    'form',
    { onsubmit },
    el('h2', {}, 'You have a backup?'),
    el('p', { class: 'quiet' }, 'Put it back before you add this device.'),
    el('label', { for: 'restore-password' }, 'Password of the backup'),
    password,
    el('div', { class: 'row' }, button),
    failure,
  );
}
