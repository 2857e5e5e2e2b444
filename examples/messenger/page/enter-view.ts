import { acting, el, failurePlace } from './dom.ts';
import type { MakeView } from './view.ts';

/** Sign up and log in. */
export const enterView: MakeView = (messenger) => {
  const name = el('input', { id: 'name', autocomplete: 'username', autocapitalize: 'none', required: true });
  const password = el('input', { id: 'password', type: 'password', autocomplete: 'current-password', required: true });
  const failure = failurePlace();
  const signUp = el('button', { type: 'submit', id: 'sign-up' }, 'Create an account');
  const logIn = el('button', { type: 'button', class: 'second', id: 'log-in' }, 'Log in');
  const enter = (button: HTMLButtonElement, how: 'sign-up' | 'log-in'): void =>
    acting(button, failure, () => messenger.enter(how, name.value.trim().toLowerCase(), password.value));
  logIn.addEventListener('click', () => enter(logIn, 'log-in'));
  const form = el(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        enter(signUp, 'sign-up');
      },
    },
    el('label', { for: 'name' }, 'Name'),
    name,
    el('label', { for: 'password' }, 'Password'),
    password,
    el('div', { class: 'row' }, signUp, logIn),
    failure,
  );
  const element = el(
    'section',
    { class: 'card narrow' },
    el('h1', {}, 'Who are you?'),
    el('p', { class: 'quiet' }, 'This device makes a key that never leaves it. A public log records whose key it is.'),
    form,
  );
  return {
    element,
    update({ stage }) {
      element.hidden = stage.type !== 'log-in';
      if (stage.type === 'log-in' && stage.name !== undefined && name.value === '') name.value = stage.name;
    },
  };
};
