import { showAudit } from './audit-view.ts';
import { showCompare } from './compare-view.ts';
import { byId, el } from './dom.ts';
import { failureView } from './failure-view.ts';
import { showHome } from './home-view.ts';
import { refreshTiles, showLog } from './log-view.ts';
import { lookupForm } from './lookup-view.ts';
import { forgetParts, showMemory } from './memory-view.ts';
import { openSession, type Session } from './session.ts';

/** The explorer of one log: everything that it shows is verified here, by the client library. */
async function start(): Promise<void> {
  showHome({});
  let session: Session;
  try {
    session = await openSession();
  } catch (error) {
    showUnopened(error);
    return;
  }
  const { fingerprint } = session.explorer.directory;
  let last: string | undefined;
  lookupForm(session, privateKinds(), (name) => {
    last = name ?? last;
    showMemory(session);
    refreshTiles(session);
    showHome({ fingerprint, name: last });
  });
  showHome({ fingerprint });
  showAudit(session);
  await showLog(session);
  showCompare(session);
  showMemory(session);
}

/** Shows that the log could not be opened. What this browser keeps may be the reason, so it can be forgotten. */
function showUnopened(error: unknown): void {
  byId('warning').replaceChildren(failureView(error, location.host, 'h2'));
  for (const id of ['log-body', 'compare-body', 'audit-body']) {
    byId(id).replaceChildren(el('p', { class: 'quiet' }, 'Nothing could be verified: see the warning above.'));
  }
  byId('memory-body').replaceChildren(...forgetParts());
}

/** The kinds of names that the server lets only its application's users look up. */
function privateKinds(): readonly string[] {
  const content = document.querySelector<HTMLMetaElement>('meta[name="private-names"]')?.content ?? '';
  return content.split(' ').filter((kind) => kind !== '');
}

void start();
