import type { Line } from '../device/mls/chat.ts';
import { MAX_TEXT } from '../device/mls/chat.ts';
import { isInDoubt, stands } from '../device/notice.ts';
import { nameOf } from '../shared/protocol.ts';
import { chatTitle } from './chats-view.ts';
import { acting, el, failurePlace, timeText } from './dom.ts';
import { safetyPart } from './safety-part.ts';
import type { MakeView } from './view.ts';

/** Distance from the end within which a reader follows new lines, pixels. */
const NEAR_PX = 40;

/** One conversation: `#/chat/<id>`. */
export const chatView: MakeView = (messenger) => {
  const title = el('h1', {});
  const who = el('p', { class: 'quiet' });
  const lines = el('ol', { class: 'lines', 'aria-live': 'polite', tabindex: 0, 'aria-label': 'Messages' });
  const text = el('input', { id: 'text', autocomplete: 'off', required: true, maxlength: MAX_TEXT });
  const failure = failurePlace();
  const send = el('button', { type: 'submit', id: 'send' }, 'Send');
  const drafts = new Map<string, string>();
  let shown: readonly Line[] = [];
  let standing: readonly string[] = [];
  let id = '';
  let callee = '';
  let isAway = true;
  const post = async (): Promise<void> => {
    const [chat, said] = [id, text.value];
    await messenger.send(chat, said);
    if (drafts.get(chat) === said) drafts.delete(chat);
    if (id === chat && text.value === said) text.value = '';
  };
  const form = el(
    'form',
    {
      class: 'compose',
      onsubmit: (event) => {
        event.preventDefault();
        acting(send, failure, post);
      },
    },
    el('label', { for: 'text', class: 'hidden' }, 'Message'),
    text,
    send,
  );
  const call = el('button', { class: 'second', id: 'call-button' }, 'Call');
  call.addEventListener('click', () => acting(call, failure, () => messenger.calls.call(callee)));
  const safety = safetyPart(messenger, () => callee);
  const back = el('p', {}, el('a', { href: '#/chats' }, 'All chats'));
  const element = el(
    'section',
    { class: 'card' },
    back,
    title,
    who,
    el('div', { class: 'row' }, call),
    safety,
    lines,
    form,
    failure,
  );
  return {
    element,
    update({ stage, chats, notices }) {
      const chat = chats.find((one) => location.hash === `#/chat/${one.id}`);
      if (chat === undefined || stage.type !== 'ready') {
        isAway = true;
        return;
      }
      const isAnother = id !== chat.id;
      if (isAnother) {
        drafts.set(id, text.value);
        text.value = drafts.get(chat.id) ?? '';
        [failure.textContent, safety.open] = ['', false];
      }
      ({ id } = chat);
      const alarms = notices.filter(stands).map((one) => one.title);
      // A refusal is stale once an alarm is gone.
      if (standing.some((one) => !alarms.includes(one))) failure.textContent = '';
      standing = alarms;
      title.textContent = chatTitle(chat, stage.me);
      who.textContent = isInDoubt(notices, chat.people)
        ? 'Not verified now: see the alarm above'
        : `Verified by the log: ${chat.people.map(nameOf).join(', ')}`;
      form.hidden = chat.isClosed;
      const others = chat.people.filter((identity) => identity !== stage.me.identity);
      callee = others[0] ?? '';
      call.hidden = chat.isClosed || others.length !== 1;
      safety.hidden = others.length !== 1;
      const isOpened = isAnother || isAway;
      isAway = false;
      if (!isOpened && JSON.stringify(shown) === JSON.stringify(chat.lines)) return;
      shown = chat.lines;
      // Who reads what came before stays there, until they write.
      const isOwn = chat.lines.at(-1)?.from === stage.me.identity;
      const isAtEnd = isOpened || isOwn || lines.scrollHeight - lines.scrollTop - lines.clientHeight < NEAR_PX;
      const { scrollTop } = lines;
      lines.replaceChildren(...chat.lines.map((line) => lineItem(line, stage.me.identity)));
      lines.scrollTop = isAtEnd ? lines.scrollHeight : scrollTop;
    },
  };
};

function lineItem({ from, text, atMs, isAlarm }: Line, own: string): HTMLElement {
  const time = el('time', { class: 'quiet' }, timeText(atMs));
  if (from === undefined) return el('li', { class: isAlarm === true ? 'system alarm' : 'system' }, text, ' ', time);
  const isOwn = from === own;
  return el(
    'li',
    { class: isOwn ? 'own' : 'theirs' },
    isOwn ? undefined : el('strong', {}, nameOf(from)),
    el('span', { class: 'said' }, text),
    time,
  );
}
