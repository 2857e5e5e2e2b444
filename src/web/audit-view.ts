import type { RecentAudit } from '../client/explore/audit-recent.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { countText, numberText } from './format.ts';
import type { Session } from './session.ts';

const CHOICES = [100, 1_000, 5_000];

/** Shows the audit of the newest entries: started, stopped and reported here. */
export function showAudit(session: Session): void {
  const choice = el(
    'select',
    { id: 'audit-count' },
    ...CHOICES.map((count) => el('option', { value: count }, `the newest ${numberText(count)}`)),
  );
  const bar = el('progress', { hidden: true, 'aria-label': 'Audited entries' });
  const said = el('div', { 'aria-live': 'polite' });
  const button = el('button', { type: 'submit' }, 'Audit');
  let running: AbortController | undefined;
  const run = async (): Promise<void> => {
    running = new AbortController();
    button.textContent = 'Stop';
    bar.hidden = false;
    said.replaceChildren(el('p', { class: 'quiet' }, 'Auditing…'));
    said.replaceChildren(await audited(session, Number(choice.value), bar, running.signal));
    running = undefined;
    button.textContent = 'Audit';
    bar.hidden = true;
  };
  byId('audit-body').replaceChildren(
    el(
      'p',
      {},
      'Your browser replays the newest entries from the files of the log: each must be in the signed log, and applying its change to the state before it must give exactly its own state. Nothing may be removed.',
    ),
    el(
      'form',
      {
        class: 'row',
        onsubmit: (event) => {
          event.preventDefault();
          if (running === undefined) void run();
          else running.abort();
        },
      },
      el('label', { for: 'audit-count' }, 'Entries to audit'),
      choice,
      button,
    ),
    bar,
    said,
  );
}

async function audited(
  session: Session,
  count: number,
  bar: HTMLProgressElement,
  signal: AbortSignal,
): Promise<HTMLElement> {
  const { explorer, overview } = session;
  try {
    const { view } = session.state;
    if (view === undefined) throw new Error('the log could not be read: see the warning above');
    const isNewest = overview !== undefined && overview.checkpoint.size >= view.size;
    const read = isNewest ? overview : await explorer.overview(view);
    const onProgress = ({ done, total }: { readonly done: number; readonly total: number }): void => {
      [bar.max, bar.value] = [total, done];
    };
    return report(await explorer.auditRecent(read, { count, onProgress, signal }));
  } catch (error) {
    return failureView(error, 'the audit');
  }
}

function report({ entries, first, updates, isComplete }: RecentAudit): HTMLElement {
  const older =
    first === 0
      ? 'That is the whole log.'
      : `The ${countText(first, 'older entry', 'older entries')} were not looked at.`;
  return el(
    'div',
    { class: isComplete ? 'card proved' : 'card' },
    el(
      'h3',
      {},
      isComplete
        ? `${countText(entries, 'entry', 'entries')}: no fault`
        : `Stopped after ${countText(entries, 'entry', 'entries')}, without a fault`,
    ),
    el('p', {}, `They added ${countText(updates, 'version')} of names and took none away. ${older}`),
    el(
      'p',
      { class: 'quiet' },
      'The program audits the whole log, also its older root hashes, and remembers where it ended: glasskey audit.',
    ),
  );
}
