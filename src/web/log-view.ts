import type { LogOverview } from '../client/explore/log-overview.ts';
import { activityPlot } from './activity-plot.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { ageText, numberText, timeText } from './format.ts';
import type { Session } from './session.ts';

type View = NonNullable<Session['state']['view']>;

/** Reads the newest state of the log, verifies it, and shows it. */
export async function showLog(session: Session): Promise<void> {
  const place = byId('log-body');
  const { explorer } = session;
  try {
    session.state = await explorer.refresh();
    const { view } = session.state;
    if (view === undefined) throw new Error('the log showed no state');
    const overview = await explorer.overview(view);
    session.overview = overview;
    const plot = el('div', {}, el('p', { class: 'quiet' }, 'Reading changes…'));
    place.replaceChildren(tiles(overview, view), plot, ...watchers(overview));
    await showPlot(session, overview, plot);
  } catch (error) {
    const failed = failureView(error, 'the newest state of the log', 'h2');
    place.replaceChildren(el('p', { class: 'quiet' }, 'Nothing could be verified.'));
    byId('warning').replaceChildren(failed);
  }
}

/** Brings the tiles up to what a lookup has shown since. */
export function refreshTiles({ overview, state: { view } }: Session): void {
  const old = byId('log-body').querySelector('.tiles');
  if (overview !== undefined && view !== undefined) old?.replaceWith(tiles(overview, view));
}

async function showPlot({ explorer }: Session, overview: LogOverview, place: HTMLElement): Promise<void> {
  try {
    place.replaceChildren(activityPlot(await explorer.activity(overview), overview.checkpoint.size));
  } catch (error) {
    place.replaceChildren(failureView(error, 'the changes of the last days'));
  }
}

function tiles({ checkpoint }: LogOverview, view: View): HTMLElement {
  const newestMs = view.frontier.at(-1)?.timestampMs ?? 0;
  const tile = (name: string, value: string, more: string): HTMLElement =>
    el(
      'div',
      {},
      el('dt', {}, name),
      el('dd', {}, el('span', { class: 'figure' }, value), el('span', { class: 'quiet' }, more)),
    );
  return el(
    'dl',
    { class: 'tiles' },
    tile('Entries', numberText(Math.max(checkpoint.size, view.size)), 'signature checked here'),
    tile('Newest entry', ageText(newestMs, Date.now()), timeText(newestMs)),
  );
}

function watchers({ witnesses, auditor }: LogOverview): readonly HTMLElement[] {
  const now = Date.now();
  const row = (name: string, says: string, signedAtMs: number | undefined): HTMLElement => {
    const signed = signedAtMs === undefined ? 'not this state' : ageText(signedAtMs, now);
    return el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, says), el('td', {}, signed));
  };
  const rows = [
    ...witnesses.map(({ name, signedAtMs }) => row(name, 'witness: the log only grew', signedAtMs)),
    ...(auditor === undefined
      ? []
      : [row('auditor', `checked ${numberText(auditor.treeSize)} entries`, auditor.signedAtMs)]),
  ];
  const alone = witnesses.length === 0 ? [unwitnessed()] : [];
  if (rows.length === 0) return alone;
  const head = ['Who', 'Says', 'Signed'].map((text) => el('th', { scope: 'col' }, text));
  const table = el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows));
  return [el('h3', {}, 'Who watches it'), table, ...alone];
}

function unwitnessed(): HTMLElement {
  return el(
    'p',
    { class: 'quiet' },
    'No independent witness signs this log. Only comparing with other people shows whether everybody sees the same one.',
  );
}
