import type { Explorer } from '../client/explore/explorer.ts';
import type { History, PastVersion } from '../client/key-directory.ts';
import { el, folded } from './dom.ts';
import { failureView } from './failure-view.ts';
import { countText, grouped, timeText } from './format.ts';
import { authorWords, keyChangeWords } from './words.ts';

/** Shows a name's history when it is unfolded: its versions, newest first, and who made each. */
export function historyView(explorer: Explorer, identity: string): HTMLElement {
  const place = el('div', { 'aria-live': 'polite' }, el('p', { class: 'quiet' }, 'Reading the history…'));
  const box = folded('The history of this name', place);
  let isRead = false;
  box.addEventListener('toggle', () => {
    if (!box.open || isRead) return;
    isRead = true;
    void fill(place, explorer, identity);
  });
  return box;
}

async function fill(place: HTMLElement, explorer: Explorer, identity: string): Promise<void> {
  try {
    const history = await explorer.directory.history(identity);
    place.replaceChildren(...timeline(history));
  } catch (error) {
    place.replaceChildren(failureView(error, `the history of ${identity}`));
  }
}

function timeline({ versions, unread, identity }: History): readonly HTMLElement[] {
  const items = versions.map((past, i) => versionItem(past, versions[i - 1])).toReversed();
  const left =
    unread === undefined
      ? []
      : [
          el(
            'p',
            { class: 'verdict look' },
            unread.why === 'bound'
              ? `Not shown: versions 0 to ${unread.last}. The program reads them: glasskey history ${identity} --before ${unread.last + 1}`
              : `Not shown: versions 0 to ${unread.last}. The log does not show them, perhaps because they were erased.`,
          ),
        ];
  return [el('ol', { class: 'timeline' }, ...items), ...left];
}

/** `before`: the version before it, unless that was not read. */
function versionItem(past: PastVersion, before: PastVersion | undefined): HTMLElement {
  const { version, certificates, fault } = past;
  const { judged, claimed } = authorWords(past);
  const since = certificates.length === 0 ? undefined : Math.max(...certificates.map(({ notBeforeMs }) => notBeforeMs));
  const change = keyChangeWords(version === 0 ? [] : before && keysOf(before), keysOf(past));
  const isAlarm = fault !== undefined || past.link === 'operator';
  return el(
    'li',
    { class: isAlarm ? 'alarm' : past.link === undefined ? 'open' : undefined },
    el('p', {}, el('strong', {}, `Version ${version}`), change === undefined ? '' : `: ${change}`),
    since === undefined ? undefined : el('p', { class: 'quiet' }, `Newest certificate: from ${timeText(since)}`),
    el(
      'p',
      {},
      el('span', { class: 'tag' }, judged === undefined ? 'Not proved' : 'Proved'),
      ` ${judged ?? 'Who made this version'}`,
    ),
    claimed === undefined ? undefined : el('p', { class: 'quiet' }, `Claimed, not proved: ${claimed}.`),
    fault === undefined ? undefined : el('p', { class: 'verdict alarm' }, `It breaks a rule: ${fault.message}.`),
    certificates.length === 0
      ? el('p', { class: 'quiet' }, 'No key.')
      : el(
          'details',
          {},
          el('summary', {}, countText(certificates.length, 'key')),
          el(
            'ul',
            { class: 'keys' },
            ...certificates.map(({ spkiSha256 }) => el('li', {}, el('code', { class: 'key' }, grouped(spkiSha256)))),
          ),
        ),
  );
}

function keysOf({ certificates }: PastVersion): readonly string[] {
  return certificates.map(({ spkiSha256 }) => spkiSha256);
}
