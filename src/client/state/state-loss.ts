import { equalBytes } from '../../core/encoding/bytes.ts';
import { ensure } from '../../core/errors.ts';
import { recentHeads } from '../../core/keytrans/known-head.ts';
import { viewRoot } from '../../core/keytrans/tree-view.ts';
import { parseTrustBundle } from '../../contract/parse-trust-bundle.ts';
import type { ClientState, PendingCredential } from './client-state.ts';

/**
 * Returns what a client would lose if `next` replaced `current`, in words; nothing if `next` knows at least as much.
 * Throws `log-forked` if both hold a tree head of one size, or a distinguished entry, and the two differ.
 */
export function lossOf(current: ClientState, next: ClientState): readonly string[] {
  return [
    ...lossOfBundle(current, next),
    ...lossOfView(current, next),
    ...lossOfNames(current, next),
    ...lossOfCredentials(current, next),
    ...lossOfHeads(current, next),
    ...lossOfWarnings(current, next),
    ...lossOfMarks(current, next),
  ];
}

function lossOfBundle(current: ClientState, next: ClientState): readonly string[] {
  if (current.bundle === undefined) return [];
  if (next.bundle === undefined) return ['the pinned trust bundle'];
  const [ours, theirs] = [parseTrustBundle(current.bundle).bundle, parseTrustBundle(next.bundle).bundle];
  if (ours.origin !== theirs.origin) return [`everything: it is of the log ${ours.origin}`];
  return ours.sequence > theirs.sequence ? [`trust bundle ${ours.sequence}`] : [];
}

function lossOfView({ view: ours, audit }: ClientState, next: ClientState): readonly string[] {
  const { view: theirs } = next;
  const lost: string[] = [];
  if (audit !== undefined && next.audit === undefined) lost.push('how far the log was audited');
  if (ours === undefined) return lost;
  if (theirs === undefined || theirs.size < ours.size) return [...lost, `the tree head of size ${ours.size}`];
  const isSame = theirs.size > ours.size || equalBytes(viewRoot(theirs), viewRoot(ours));
  ensure(isSame, 'log-forked', `two different tree heads of size ${ours.size} were shown to two clients`);
  return lost;
}

function lossOfNames(current: ClientState, next: ClientState): readonly string[] {
  const lost: string[] = [];
  for (const [identity, { version }] of current.contacts) {
    if (version > (next.contacts.get(identity)?.version ?? -1)) lost.push(`version ${version} of ${identity}`);
  }
  for (const [identity, { versions }] of current.owners) {
    const known = next.owners.get(identity);
    if (known === undefined) lost.push(`that ${identity} is the user’s own`);
    const held = new Set(known?.versions.map(({ version }) => version));
    const missing = versions.filter(({ version }) => known !== undefined && !held.has(version));
    for (const { version } of missing) lost.push(`how version ${version} of the user’s ${identity} came to be`);
  }
  return lost;
}

function lossOfCredentials(current: ClientState, next: ClientState): readonly string[] {
  return current.credentials
    .filter((one) => !next.credentials.some((held) => isSamePending(held, one)))
    .map(({ identity }) => `a credential of ${identity} that is still to be verified`);
}

/** Returns true if two pending credentials show the same version of the same label in the same log. */
function isSamePending(a: PendingCredential, b: PendingCredential): boolean {
  const isSameVersion = a.identity === b.identity && a.unsettled.version === b.unsettled.version;
  return isSameVersion && equalBytes(viewRoot(a.unsettled.view), viewRoot(b.unsettled.view));
}

function lossOfHeads({ distinguished: ours }: ClientState, { distinguished: theirs }: ClientState): readonly string[] {
  recentHeads(ours, theirs);
  const rightmost = ours.at(-1)?.position ?? -1;
  return rightmost > (theirs.at(-1)?.position ?? -1) ? [`the distinguished log entry ${rightmost}`] : [];
}

function lossOfWarnings(current: ClientState, next: ClientState): readonly string[] {
  const name = ({ identity, type, version }: ClientState['alerts'][number]): string => `${type} ${version} ${identity}`;
  const shown = new Set(next.alerts.map(name));
  return current.alerts
    .filter((alert) => !shown.has(name(alert)))
    .map(({ type, version, identity }) => `the warning "${type}" about version ${version} of ${identity}`);
}

/** A mark counts as known if the other state has it, as lost if it was lost, or a later one of the same contact. */
function lossOfMarks({ verified: ours }: ClientState, { verified: theirs }: ClientState): readonly string[] {
  return [...ours].flatMap(([identity, mark]) => {
    const other = theirs.get(identity);
    const isKnown = other !== undefined && other.markedAtMs >= mark.markedAtMs;
    if (!isKnown) return [`that the keys of ${identity} were compared with their owner`];
    const isRevived = other.markedAtMs === mark.markedAtMs && other.lostAt === undefined && mark.lostAt !== undefined;
    return isRevived ? [`that version ${mark.lostAt} of ${identity} took the mark of its keys away`] : [];
  });
}
