import { acting, deviceText, el, failurePlace } from './dom.ts';
import type { MakeView } from './view.ts';

/** The call of this device, over every screen. */
export const callView: MakeView = (messenger) => {
  const title = el('h2', {});
  const about = el('p', { class: 'quiet' });
  const remote = el('video', { autoplay: true, playsinline: true, 'aria-label': 'The other side' });
  const local = el('video', { autoplay: true, playsinline: true, 'aria-label': 'You' });
  local.muted = true;
  const videos = el('div', { class: 'videos' }, remote, local);
  const failure = failurePlace();
  const answer = el('button', { id: 'answer' }, 'Answer');
  const hangUp = el('button', { id: 'hang-up', class: 'danger' }, 'Hang up');
  answer.addEventListener('click', () => acting(answer, failure, () => messenger.calls.answer()));
  hangUp.addEventListener('click', () => acting(hangUp, failure, () => messenger.calls.hangUp()));
  const buttons = el('div', { class: 'row' }, answer, hangUp);
  const element = el('section', { class: 'card', id: 'call', role: 'status' }, title, about, videos, buttons, failure);
  const attach = (video: HTMLVideoElement, stream: MediaStream | null): void => {
    if (video.srcObject !== stream) video.srcObject = stream;
  };
  return {
    element,
    update() {
      const { state } = messenger.calls;
      element.hidden = state.type === 'none';
      element.dataset['state'] = state.type;
      answer.hidden = state.type !== 'ringing';
      videos.hidden = state.type !== 'talking';
      hangUp.textContent = state.type === 'failed' ? 'Close' : state.type === 'ringing' ? 'Decline' : 'Hang up';
      attach(remote, state.type === 'talking' ? state.remote : null);
      attach(local, state.type === 'talking' ? state.local : null);
      about.textContent = '';
      if (state.type === 'calling') title.textContent = `Calling ${state.peer} …`;
      if (state.type === 'ringing') title.textContent = `${state.peer} calls you`;
      if (state.type === 'connecting') title.textContent = `Connecting to ${state.peer} …`;
      if (state.type === 'failed') title.textContent = state.text;
      if (state.type === 'ringing') about.textContent = 'The log has the key that signed this call.';
      if (state.type !== 'talking') return;
      title.textContent = `You talk to ${state.peer}`;
      about.textContent = `Signed by device ${deviceText(state.device)}, which the log has for ${state.peer}.`;
    },
  };
};
