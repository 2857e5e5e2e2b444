import { escapeMarkup } from '../core/encoding/escape-markup.ts';
import type { WatchHealth } from '../watch/watcher.ts';

/** The facts on the page of a watcher. */
export interface WatcherFacts {
  readonly origin: string;
  /** Base64. */
  readonly key: string;
  readonly names: number;
  readonly health: WatchHealth;
}

/** Formats the page with the watcher's own health, for people. It runs no script. */
export function formatHealthPage({ origin, key, names, health }: WatcherFacts, nowMs: number): string {
  const { size, verifiedMs, misbehaviour, isBlind } = health;
  const age = verifiedMs === undefined ? undefined : Math.max(0, Math.round((nowMs - verifiedMs) / 1000));
  const verdict =
    misbehaviour !== undefined
      ? `ALARM: the log does not verify (${misbehaviour.code}): ${misbehaviour.message}`
      : isBlind || age === undefined
        ? 'This watcher cannot verify the log. Nobody watches your name here.'
        : 'All of the log verifies.';
  const rows = [
    ['Log', origin],
    ['Verified entries', String(size)],
    ['Last verified', age === undefined ? 'never' : `${age} s ago`],
    ['Names', String(names)],
    ['Key of this watcher', key],
  ];
  const table = rows.map(
    ([name = '', value = '']) => `<tr><th>${escapeMarkup(name)}</th><td>${escapeMarkup(value)}</td></tr>`,
  );
  return page('Glasskey watcher', `<p><strong>${escapeMarkup(verdict)}</strong></p><table>${table.join('')}</table>`);
}

/** Formats the page on which a person enters the code of an address. */
export function formatConfirmPage(result?: { readonly identity: string | undefined }): string {
  const said =
    result === undefined
      ? ''
      : result.identity === undefined
        ? '<p><strong>This code is unknown, or a newer one replaced it.</strong></p>'
        : `<p><strong>Confirmed: this address is told of every change of ${escapeMarkup(result.identity)}.</strong></p>`;
  const form =
    '<form method="post" action="/confirm"><p><label>Code <input name="code" size="64" maxlength="128" required></label> ' +
    '<button>Confirm</button></p></form>';
  return page('Confirm an address', said + form);
}

function page(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${escapeMarkup(title)}</title><h1>${escapeMarkup(title)}</h1>${body}</html>\n`
  );
}
