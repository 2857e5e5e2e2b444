import type { Me } from '../device/device.ts';
import type { Chat } from '../device/mls/chat.ts';
import { nameOf } from '../shared/protocol.ts';
import { acting, el, failurePlace, timeText } from './dom.ts';
import type { MakeView } from './view.ts';

/** Returns the name of a conversation for its reader. */
export function chatTitle({ title, people }: Chat, me: Me): string {
  const others = people.filter((identity) => identity !== me.identity).map(nameOf);
  return title ?? (others.length === 0 ? 'A refused invitation' : others.join(', '));
}

/** The list of conversations, and the form that begins one. */
export const chatsView: MakeView = (messenger) => {
  const list = el('ul', { class: 'chats' });
  const people = el('input', {
    id: 'people',
    autocapitalize: 'none',
    required: true,
    placeholder: 'bob, or: bob carol',
  });
  const title = el('input', { id: 'title', maxlength: 60 });
  const failure = failurePlace();
  const start = el('button', { type: 'submit', id: 'start-chat' }, 'Start');
  const begin = async (): Promise<void> => {
    const names = people.value
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((name) => name !== '');
    const id = await messenger.startChat(names, title.value.trim() || undefined);
    [people.value, title.value] = ['', ''];
    location.hash = `#/chat/${id}`;
  };
  const form = el(
    'form',
    {
      class: 'start',
      onsubmit: (event) => {
        event.preventDefault();
        acting(start, failure, begin);
      },
    },
    el('h2', {}, 'New chat'),
    el('label', { for: 'people' }, 'With whom? One name, or several'),
    people,
    el('label', { for: 'title' }, 'Name of the group, if it is one'),
    title,
    el('div', { class: 'row' }, start),
    failure,
  );
  const element = el('section', { class: 'card' }, el('h1', {}, 'Chats'), list, form);
  return {
    element,
    update({ stage, chats }) {
      if (stage.type !== 'ready') return;
      const items = chats.map((chat) => {
        const last = chat.lines.at(-1);
        return el(
          'li',
          {},
          el(
            'a',
            { href: `#/chat/${chat.id}` },
            el('strong', {}, chatTitle(chat, stage.me)),
            el(
              'span',
              { class: 'quiet' },
              last === undefined ? '' : `${timeText(last.atMs)} · ${last.text.slice(0, 60)}`,
            ),
          ),
        );
      });
      const none = el('li', { class: 'quiet' }, 'No chat yet.');
      list.replaceChildren(...(items.length === 0 ? [none] : items));
    },
  };
};
