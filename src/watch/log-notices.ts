import type { Notice } from '../delivery/notice.ts';
import type { LogEnd } from '../core/audit/log-end.ts';
import { noticeId } from './version-notices.ts';

/** Returns the notice to every owner about a log that misbehaves. */
export function alarmNotice(origin: string, code: string, message: string, atMs: number): Notice {
  return {
    id: noticeId('alarm', origin, code, String(atMs)),
    subject: `ALARM: the log ${origin} does not verify`,
    text:
      `This watcher audits the log ${origin}. It found: ${message} (${code}).\n\nUntil this is settled, it cannot tell ` +
      'which keys your name has. Next: run `glasskey monitor` and `glasskey audit` on your own device, and tell others.',
    event: { type: 'log', origin, code, wording: 'alarm' },
  };
}

/** Returns the notice to every owner that the watcher has not been able to verify the log for too long. */
export function blindNotice(origin: string, sinceMs: number): Notice {
  const since = new Date(sinceMs).toISOString();
  return {
    id: noticeId('blind', origin, String(sinceMs)),
    subject: `Nobody watches your name in ${origin}`,
    text:
      `This watcher has not been able to verify the log ${origin} since ${since}. It sees no new versions meanwhile.\n\n` +
      'Next: run `glasskey monitor` on your own device. This watcher tells you once it sees the log again.',
    event: { type: 'blind', origin, since },
  };
}

/** Returns the notice that the watcher verifies the log again, after a {@link blindNotice}. */
export function sightNotice(origin: string, sinceMs: number, atMs: number): Notice {
  return {
    id: noticeId('sight', origin, String(sinceMs)),
    subject: `Your name in ${origin} is watched again`,
    text: `This watcher verifies the log ${origin} again. It has caught up: nothing that happened meanwhile is missed.`,
    event: { type: 'sight', origin, since: new Date(sinceMs).toISOString(), at: new Date(atMs).toISOString() },
  };
}

/** Returns the notice to every owner that the log has ended: no version of any name follows. */
export function endedNotice(origin: string, { position, reason, successor }: LogEnd): Notice {
  const next =
    successor === undefined
      ? 'It names no log that goes on.'
      : `It names ${successor.origin} as the log that goes on. This watcher does not watch that one.`;
  return {
    id: noticeId('log-ended', origin),
    subject: `The log ${origin} has ended`,
    text:
      `Entry ${position} has ended the log ${origin}, by its own signed word: "${reason}". No version of your name follows ` +
      `here. ${next}\n\nNext: ask the operator of the log if you did not expect this, and have your name watched where it ` +
      'goes on.',
    event: { type: 'log-ended', origin, position, ...(successor === undefined ? {} : { successor: successor.origin }) },
  };
}
