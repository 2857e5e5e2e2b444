import { canScan, scan } from './camera.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { countText, grouped } from './format.ts';
import { qrCode } from './qr-code.ts';
import type { Session } from './session.ts';

/** Shows the fingerprint and the heads of the log, and compares them with those of another person. */
export function showCompare(session: Session): void {
  const { explorer, state } = session;
  const { fingerprint } = explorer.directory;
  const heads = explorer.shortHeads(state);
  byId('compare-body').replaceChildren(
    el(
      'p',
      {},
      'A server could show you one log and your friend another. Two people who compare find out: on the phone, in person, or by a message over another service.',
    ),
    el(
      'div',
      { class: 'pair' },
      el(
        'div',
        {},
        qrCode(
          heads ?? fingerprint,
          heads === undefined ? 'Fingerprint of the trust bundle as a QR code' : 'Newest heads of the log as a QR code',
        ),
      ),
      el(
        'div',
        {},
        el('h3', {}, 'Fingerprint of the trust bundle'),
        el('p', {}, el('code', { class: 'key', id: 'fingerprint' }, grouped(fingerprint))),
        el(
          'p',
          { class: 'quiet' },
          'It names the authority, the keys and the witnesses that everything is checked against. Compare it with what the operator published elsewhere.',
        ),
      ),
    ),
    ...(heads === undefined ? [noHeads()] : [headsText(heads)]),
    compareForm(session),
  );
}

function noHeads(): HTMLElement {
  return el(
    'p',
    { class: 'quiet' },
    'The log is too young to have heads that two people can compare. The QR code holds the fingerprint.',
  );
}

function headsText(heads: string): HTMLElement {
  const text = el('textarea', { id: 'my-heads', readonly: true, rows: 3 });
  text.value = heads;
  return el(
    'div',
    {},
    el('label', { for: 'my-heads' }, 'The log as this browser saw it: send this text, or show the QR code'),
    text,
  );
}

function compareForm(session: Session): HTMLElement {
  const text = el('textarea', { id: 'their-heads', rows: 3, spellcheck: 'false', required: true });
  const answer = el('div', { id: 'compare-result', 'aria-live': 'polite' });
  const compare = async (): Promise<void> => {
    answer.replaceChildren(await outcome(session, text.value.trim()));
  };
  return el(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        void compare();
      },
    },
    el('label', { for: 'their-heads' }, 'What the other person sees: paste their text'),
    text,
    el('div', { class: 'row' }, el('button', { type: 'submit' }, 'Compare'), ...cameraParts(text, compare)),
    answer,
  );
}

function cameraParts(text: HTMLTextAreaElement, compare: () => Promise<void>): readonly HTMLElement[] {
  if (!canScan()) {
    return [el('span', { class: 'quiet' }, 'This browser cannot read QR codes with a camera, so compare by text.')];
  }
  const video = el('video', { class: 'camera', muted: true, playsinline: true, hidden: true, 'aria-label': 'Camera' });
  let running: AbortController | undefined;
  const button = el('button', { type: 'button', class: 'second' }, 'Use the camera');
  const run = async (): Promise<void> => {
    running = new AbortController();
    video.hidden = false;
    button.textContent = 'Stop the camera';
    const found = await scan(video, running.signal).catch(() => undefined);
    running = undefined;
    video.hidden = true;
    button.textContent = 'Use the camera';
    if (found === undefined) return;
    text.value = found;
    await compare();
  };
  button.addEventListener('click', () => (running === undefined ? void run() : running.abort()));
  return [button, video];
}

async function outcome({ explorer }: Session, theirs: string): Promise<HTMLElement> {
  const hex = theirs.replaceAll(/[\s:]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return sameFingerprint(hex === explorer.directory.fingerprint);
  try {
    const { common, position } = await explorer.directory.compareHeads(theirs);
    return el(
      'div',
      { class: 'card proved' },
      el('h3', {}, 'You both see the same log'),
      el(
        'p',
        {},
        `${countText(common, 'head')} agree, up to entry ${position}. Whatever the log proved to either of you up to there, it proved to both.`,
      ),
    );
  } catch (error) {
    return failureView(error, 'the two texts');
  }
}

function sameFingerprint(isSame: boolean): HTMLElement {
  return isSame
    ? el(
        'div',
        { class: 'card proved' },
        el('h3', {}, 'The fingerprints are the same'),
        el('p', {}, 'You both check against the same authority, keys and witnesses.'),
      )
    : el(
        'div',
        { class: 'card alarm' },
        el('h3', {}, 'The fingerprints differ'),
        el(
          'p',
          {},
          'One of you is shown another trust bundle, or an older one. Reload both pages. If they still differ, trust neither, and ask the operator by another way than this server.',
        ),
      );
}
