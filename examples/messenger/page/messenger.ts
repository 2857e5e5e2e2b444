import { Messenger, type Snapshot } from '../device/messenger.ts';
import { forgetDevice } from '../device/forget.ts';
import { isOtherLog, startNotice } from '../device/words.ts';
import { callView } from './call-view.ts';
import { chatView } from './chat-view.ts';
import { chatsView } from './chats-view.ts';
import { devicesView } from './devices-view.ts';
import { acting, byId, el, failurePlace } from './dom.ts';
import { enterView } from './enter-view.ts';
import { linkView } from './link-view.ts';
import { logView } from './log-view.ts';
import { noticesView } from './notices-view.ts';
import type { View } from './view.ts';

/** Screens of a user who is logged in, by the beginning of the address. The first is the one to begin with. */
const SCREENS = [
  ['#/chats', chatsView],
  ['#/chat/', chatView],
  ['#/devices', devicesView],
  ['#/log', logView],
] as const;

const main = byId('screen');

/** Builds the page around a messenger, and shows each of its changes. */
async function start(): Promise<void> {
  let render = (): void => undefined;
  const messenger = await Messenger.open(() => render());
  const always: readonly View[] = [
    noticesView(messenger),
    callView(messenger),
    enterView(messenger),
    linkView(messenger),
  ];
  const screens = SCREENS.map(([address, make]) => ({ address, view: make(messenger) }));
  main.replaceChildren(...always.map(({ element }) => element), ...screens.map(({ view }) => view.element));
  byId('log-out').addEventListener('click', () => void messenger.logOut());

  const show = (snapshot: Snapshot): void => {
    const { stage } = snapshot;
    const isReady = stage.type === 'ready';
    byId('me').textContent = isReady ? stage.me.name : '';
    byId('nav').hidden = !isReady;
    const asked = screens.find(({ address }) => location.hash.startsWith(address)) ?? screens[0];
    for (const { view, address } of screens) {
      view.element.hidden = !isReady || view !== asked?.view;
      const link = document.querySelector(`nav a[href="${address}"]`);
      if (view === asked?.view) link?.setAttribute('aria-current', 'page');
      else link?.removeAttribute('aria-current');
    }
    for (const view of [...always, ...screens.map((one) => one.view)]) view.update(snapshot);
  };
  // Changes that come while a snapshot is read are shown by one more.
  let isReading = false;
  let isStale = false;
  render = (): void => {
    isStale = true;
    if (isReading) return;
    isReading = true;
    void (async () => {
      while (isStale) {
        isStale = false;
        show(await messenger.snapshot());
      }
    })().finally(() => (isReading = false));
  };
  addEventListener('hashchange', render);
  render();
}

/** Shows why the messenger could not start. Who knows another log can begin anew. */
function showFailure(error: unknown): void {
  const { title, text } = startNotice(error);
  const isOther = isOtherLog(error);
  const failure = failurePlace();
  const forget = el('button', { class: 'danger', id: 'forget' }, 'Forget everything on this device');
  forget.addEventListener('click', () =>
    acting(forget, failure, async () => {
      await forgetDevice();
      location.replace('/');
    }),
  );
  main.replaceChildren(
    el(
      'section',
      { class: 'notice alarm', role: 'alert' },
      el('h1', {}, title),
      el('p', {}, text),
      isOther
        ? el('p', { class: 'quiet' }, 'The button deletes the key, the chats and the memory of this device, for good.')
        : undefined,
      isOther ? forget : undefined,
      failure,
    ),
  );
}

start().catch(showFailure);
