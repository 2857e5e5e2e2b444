import { escapeMarkup } from '../core/encoding/escape-markup.ts';
import type { FeedRecord } from './records.ts';

/** Media type of {@link formatFeed}. */
export const FEED_MEDIA_TYPE = 'application/atom+xml; charset=utf-8';

/** Formats a feed as Atom (RFC 4287). It names no URL: the one that it was read at is a secret. */
export function formatFeed(origin: string, id: string, { identity, entries }: FeedRecord, startedMs: number): string {
  const updated = entries[0]?.atMs ?? startedMs;
  const items = entries.map(
    (entry) =>
      `<entry><id>urn:glasskey:${escape(entry.id)}</id><title>${escape(entry.subject)}</title>` +
      `<updated>${new Date(entry.atMs).toISOString()}</updated><content type="text">${escape(entry.text)}</content></entry>`,
  );
  return (
    '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">' +
    `<id>urn:glasskey:feed:${escape(id)}</id><title>${escape(`${identity} in ${origin}`)}</title>` +
    `<author><name>Glasskey watcher</name></author><updated>${new Date(updated).toISOString()}</updated>` +
    `${items.join('')}</feed>\n`
  );
}

/** Escapes text for XML; control characters, which XML 1.0 does not allow, become U+FFFD. */
function escape(text: string): string {
  const isAllowed = (char: string): boolean => char === '\n' || char === '\t';
  return escapeMarkup(text.replaceAll(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (char) => (isAllowed(char) ? char : '\ufffd')));
}
