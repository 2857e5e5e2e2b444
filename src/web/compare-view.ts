import type { ComparedTexts } from '../client/explore/compare-texts.ts';
import { canScan, scan } from './camera.ts';
import { copyButton } from './copy-button.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { countText, grouped, numberText } from './format.ts';
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
        el('h3', {}, 'The identity card of this directory'),
        el('p', {}, 'Fingerprint of the trust bundle:'),
        el('p', {}, el('code', { class: 'key', id: 'fingerprint' }, grouped(fingerprint))),
        el(
          'p',
          { class: 'quiet' },
          'The bundle names the authority, the keys and the witnesses that everything is checked against. Compare the fingerprint with what the operator published elsewhere.',
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
  const text = el('textarea', { id: 'my-heads', readonly: true, rows: 5 });
  text.value = heads;
  return el(
    'div',
    {},
    el('label', { for: 'my-heads' }, 'The log as this browser saw it: send this text, or show the QR code'),
    text,
    copyButton(text, heads, 'Copy the log as this browser saw it'),
  );
}

function compareForm(session: Session): HTMLElement {
  const text = el('textarea', { id: 'their-heads', rows: 5, spellcheck: 'false', required: true });
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
    el('label', { for: 'their-heads' }, 'What the other person sees: paste their text, or the checkpoint of a watcher'),
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

async function outcome(session: Session, theirs: string): Promise<HTMLElement> {
  const { explorer } = session;
  const hex = theirs.replaceAll(/[\s:]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return sameFingerprint(hex === explorer.directory.fingerprint);
  const shown = explorer.shortHeads(session.state);
  try {
    if (isCheckpoint(theirs, session)) return await watched(session, `${theirs}\n`);
    const compared = await explorer.compareText(theirs);
    session.state = await explorer.state();
    if (compared.type !== 'agree') return notAgreed(compared);
    return theirs.replaceAll(/\s/g, '') === shown ? sameText() : agreed(compared.entries, session);
  } catch (error) {
    return failureView(error, 'the newest state of the log');
  }
}

/** Returns true for a text that begins as the checkpoints of this log do. */
function isCheckpoint(text: string, { explorer }: Session): boolean {
  return text.startsWith(`${explorer.directory.trust.bundle.origin}\n`);
}

async function watched({ explorer }: Session, checkpoint: string): Promise<HTMLElement> {
  const agreement = await explorer.compareCheckpoint(checkpoint);
  if (agreement === undefined) {
    return card(
      'look',
      'This is not a whole checkpoint of this log',
      'Its last lines must be the signatures, and this log must have made one of them. Copy all of it again. Nothing was compared.',
    );
  }
  const { size, shown } = agreement;
  return card(
    'proved',
    'The watcher and you were shown the same log',
    `The watcher saw the first ${countText(size, 'entry', 'entries')} of ${numberText(shown)}.`,
  );
}

function sameText(): HTMLElement {
  return card(
    'look',
    'This is the same text as yours',
    'If you copied it from this page, nothing was compared. If another person sent it, you both see the same log.',
  );
}

function agreed(entries: number, { state }: Session): HTMLElement {
  const size = state.view?.size ?? entries;
  const newer = size > entries ? ' Newer ones can be compared later.' : '';
  return card(
    'proved',
    'You both see the same log',
    `You agree about the first ${countText(entries, 'entry', 'entries')} of ${numberText(size)}.${newer}`,
  );
}

function notAgreed(compared: Exclude<ComparedTexts, { readonly type: 'agree' }>): HTMLElement {
  switch (compared.type) {
    case 'not-a-text':
      return card(
        'look',
        'This is not a whole text from Glasskey',
        'It begins with glasskey-heads: and must be complete. Copy all of it again. Nothing was compared.',
      );
    case 'other-log':
      return card(
        'look',
        'This text is about another log',
        `It is about ${compared.origin}. Compare with somebody who uses the same directory. Nothing was compared.`,
      );
    case 'no-overlap':
      return card(
        'look',
        'The two texts have no entry in common',
        'One of them is older. Both reload this page and compare again. Nothing was compared.',
      );
    case 'contradiction':
      return card(
        'alarm',
        'The two texts contradict each other',
        'Either the log shows you two different histories, or the text was changed on its way. Copy it again, or compare by QR code. If it stays so, trust no key of this log, keep both texts, and show them to others.',
      );
  }
}

function card(kind: 'proved' | 'look' | 'alarm', heading: string, text: string): HTMLElement {
  return el('div', { class: `card ${kind}` }, el('h3', {}, heading), el('p', {}, text));
}

function sameFingerprint(isSame: boolean): HTMLElement {
  return isSame
    ? card('proved', 'The fingerprints are the same', 'You both check against the same authority, keys and witnesses.')
    : card(
        'alarm',
        'The fingerprints differ',
        'One of you is shown another trust bundle, or an older one. Reload both pages. If they still differ, trust neither, and ask the operator by another way than this server.',
      );
}
