import type { Notice } from '../delivery/notice.ts';
import { noticeId } from './version-notices.ts';

/** Returns the notice that asks the reader of an address to confirm it. `code` is a secret: it is sent nowhere else. */
export function confirmNotice(identity: string, watcher: string, code: string): Notice {
  return {
    id: noticeId('confirm', identity, code),
    subject: `Confirm that you want to hear of ${identity}`,
    text:
      `Somebody with a key of ${identity} asked this watcher (${watcher}) to tell this address of every change of the ` +
      `name's keys.\n\nCode: ${code}\n\nNext: open ${watcher}/confirm and enter the code, or run ` +
      `\`glasskey mandate confirm ${code} --watcher ${watcher}\`. If this was not you, do nothing.`,
    event: { type: 'confirm', identity, watcher, code },
  };
}

/** The end of a mandate, as its former addresses are told. */
export type MandateChange = 'replaced' | 'withdrawn';

/** Returns the notice to the former addresses that somebody replaced or withdrew the mandate. */
export function changedNotice(
  identity: string,
  change: MandateChange,
  number: number,
  untilMs: number | undefined,
): Notice {
  const until = untilMs === undefined ? undefined : new Date(untilMs).toISOString();
  const kept = until === undefined ? '' : `This address is told of every version until ${until} all the same.\n\n`;
  return {
    id: noticeId('mandate', identity, String(number), change, String(untilMs)),
    subject: `${identity}: the mandate of this watcher was ${change}`,
    text:
      `Somebody with a key of ${identity} ${change} the mandate that this watcher has.\n\n${kept}If it was not you, ` +
      'somebody has a key of yours: run `glasskey monitor` on your own device and revoke the certificate.',
    event: { type: 'mandate', identity, change, ...(until === undefined ? {} : { until }) },
  };
}

/** Returns the notice that a mandate ends, or has ended. */
export function endNotice(identity: string, expiresMs: number, hasEnded: boolean): Notice {
  const at = new Date(expiresMs).toISOString();
  return {
    id: noticeId('end', identity, String(expiresMs), String(hasEnded)),
    subject: hasEnded ? `${identity} is no longer watched here` : `${identity}: the watcher's mandate ends soon`,
    text:
      `The mandate that this watcher has for ${identity} ${hasEnded ? 'ended' : 'ends'} at ${at}. From then on it tells ` +
      'you nothing.\n\nNext: send it a new one with `glasskey mandate send`.',
    event: { type: hasEnded ? 'ended' : 'ending', identity, expires: at },
  };
}

/** Returns the notice that stands for all that come while too many wait for an address. */
export function moreNotice(identity: string): Notice {
  return {
    id: noticeId('more', identity),
    subject: `ALARM: ${identity} has more changes than are told one by one`,
    text: `So many notices wait for this address that the rest is left out. Next: run \`glasskey history ${identity}\`.`,
    event: { type: 'more', identity, wording: 'alarm' },
  };
}
