import type { OwnDevice } from '../device/own-devices.ts';
import { failureText } from '../device/words.ts';
import { backupPart } from './backup-view.ts';
import { acting, deviceText, el, failurePlace, timeText } from './dom.ts';
import type { MakeView } from './view.ts';

/** The user's devices, as the log has them: add one, take a lost one out, change this one's key. */
export const devicesView: MakeView = (messenger) => {
  const list = el('ul', { class: 'devices' });
  const failure = failurePlace();
  const code = el('textarea', { id: 'code', rows: 3, required: true, spellcheck: false });
  const add = el('button', { type: 'submit', id: 'add-device' }, 'Add this device');
  const rotate = el('button', { class: 'second', id: 'rotate' }, 'Change this device’s key');
  const refresh = async (): Promise<void> => {
    const devices = await messenger.devices();
    list.replaceChildren(...devices.map(item));
  };
  const act = (button: HTMLButtonElement, work: () => Promise<void>): void =>
    acting(button, failure, async () => {
      await work();
      await refresh();
    });
  const item = (one: OwnDevice): HTMLElement => {
    const lost = el('button', { class: 'danger' }, 'Remove: lost, or not mine');
    lost.addEventListener('click', () => act(lost, () => messenger.removeDevice(one)));
    return el(
      'li',
      {},
      el('strong', {}, one.isThis ? 'This device' : 'Another device'),
      el('code', {}, deviceText(one.device)),
      el('span', { class: 'quiet' }, `certificate from ${timeText(one.sinceMs)} (the service says so)`),
      one.isStray ? el('strong', { class: 'stray' }, 'Not added by any of your devices') : undefined,
      one.isThis ? undefined : lost,
    );
  };
  rotate.addEventListener('click', () => act(rotate, () => messenger.rotate()));
  const form = el(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        act(add, async () => {
          await messenger.addDevice(code.value);
          code.value = '';
        });
      },
    },
    el('h2', {}, 'Add a device'),
    el('label', { for: 'code' }, 'Log in on the new device, and paste the text of its code here'),
    code,
    el('div', { class: 'row' }, add),
  );
  const element = el(
    'section',
    { class: 'card' },
    el('h1', {}, 'Your devices'),
    list,
    failure,
    form,
    el('div', { class: 'row' }, rotate),
    backupPart(messenger),
  );
  let isShown = false;
  let shownAlarms = 0;
  return {
    element,
    update({ stage, notices }) {
      const isAsked = stage.type === 'ready' && location.hash === '#/devices';
      const alarms = notices.filter(({ asks }) => asks === 'own').length;
      // A device that was just added to the name shall be seen at once.
      if (isAsked && (!isShown || alarms !== shownAlarms))
        refresh().catch((error: unknown) => (failure.textContent = failureText(error)));
      isShown = isAsked;
      shownAlarms = alarms;
    },
  };
};
