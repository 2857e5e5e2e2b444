import { equalBytes } from '../encoding/bytes.ts';
import { type Codec, struct, uint32, uint64, vector } from '../encoding/codec.ts';
import { ensure } from '../errors.ts';
import type { Configuration } from './configuration.ts';
import { contactMonitoring } from './contact-monitor.ts';
import type { CredentialUpdate, CredentialUpdateRequest } from './credential.ts';
import type { Algorithm } from './evidence.ts';
import type { KnownHead } from './known-head.ts';
import { type KnownVersion, knownVersionCodec, ladderKeys } from './known-version.ts';
import { hashValueCodec } from './proofs.ts';
import { type RetainedEntry, type TreeView, treeViewCodec } from './tree-view.ts';
import { updateView } from './update-view.ts';
import { verifyCombined } from './verify-combined.ts';
import { labelCodec } from './vrf-input.ts';

/**
 * The part of a provisional credential that a client retains until its final verification (KT §14.2). It is separate
 * from the client's own view of the log and must never replace it.
 */
export interface UnsettledCredential {
  readonly label: Uint8Array;
  readonly version: number;
  /** The terminal log entry of the credential's search. */
  readonly terminalPosition: number;
  /** The root of that entry's prefix tree. */
  readonly prefixRoot: Uint8Array;
  readonly ladder: readonly KnownVersion[];
  /** The log as the credential shows it. */
  readonly view: TreeView;
}

/** The encoding in which a client stores an {@link UnsettledCredential}. */
export const unsettledCredentialCodec: Codec<UnsettledCredential> = struct<UnsettledCredential>({
  label: labelCodec,
  version: uint32,
  terminalPosition: uint64,
  prefixRoot: hashValueCodec,
  ladder: vector(knownVersionCodec, 1, 0xff),
  view: treeViewCodec,
});

/**
 * Checks that no log entry `known` to the client contradicts the log that a credential shows (KT §14.2.1). In one log,
 * time never runs backwards, and each position has one entry. A fork can stay longer than the real log, so refusing it
 * must not need an entry beyond its end. Throws `log-forked`.
 */
export function assertSameLog(credential: readonly RetainedEntry[], known: readonly RetainedEntry[]): void {
  for (const { position, timestampMs, prefixRoot } of credential) {
    for (const entry of known) {
      const isSame =
        entry.position === position
          ? entry.timestampMs === timestampMs && equalBytes(entry.prefixRoot, prefixRoot)
          : entry.timestampMs === timestampMs || entry.timestampMs < timestampMs === entry.position < position;
      ensure(
        isSame,
        'log-forked',
        `the credential shows another entry ${position} than entry ${entry.position} allows`,
      );
    }
  }
}

/**
 * Finds the known distinguished entry for a credential's final verification: the first at or right of the terminal
 * entry, or undefined if none is known yet.
 */
function settlingHead(unsettled: UnsettledCredential, heads: readonly KnownHead[]): KnownHead | undefined {
  const { terminalPosition: terminal, view } = unsettled;
  return heads.find(({ position }) => position === terminal || (position > terminal && position >= view.size));
}

/**
 * Returns what a credential still needs, given the `heads` (left to right) and the further log entries that the client
 * knows (KT §14.2):
 *
 * - `waiting`: nothing yet, because no known distinguished entry lies at or right of it;
 * - `final`: nothing more, because its terminal entry has become distinguished and is the one that the client knows;
 * - otherwise the request for an update.
 *
 * Throws `log-forked` if anything that the client knows contradicts the credential.
 */
export function settleCredential(
  unsettled: UnsettledCredential,
  heads: readonly KnownHead[],
  known: readonly RetainedEntry[] = [],
): 'waiting' | 'final' | CredentialUpdateRequest {
  assertSameLog(unsettled.view.frontier, [...heads.flatMap(({ frontier }) => frontier), ...known]);
  const head = settlingHead(unsettled, heads);
  if (head === undefined) return 'waiting';
  const { label, version, terminalPosition: terminal, view } = unsettled;
  if (head.position > terminal) return { label, version, treeSize: view.size, terminal, distinguished: head.position };
  ensure(
    equalBytes(head.prefixRoot, unsettled.prefixRoot),
    'log-forked',
    'the credential belongs to another log than the one known',
  );
  return 'final';
}

/**
 * Updates the credential's view up to the distinguished entry and, with contact monitoring, climbs to it (KT §14.2).
 */
export function* updateAndClimb(
  config: Configuration,
  request: Omit<CredentialUpdateRequest, 'label'>,
): Algorithm<void> {
  const { version, treeSize, terminal, distinguished } = request;
  const size = distinguished + 1;
  yield* updateView(size, treeSize);
  if (config.mode !== 'contactMonitoring') return;
  const entries = [{ position: terminal, version }];
  yield* contactMonitoring({ size, windowMs: config.reasonableMonitoringWindowMs, entries });
}

/**
 * Verifies an untrusted `CredentialUpdate`, and with it the credential finally (KT §14.2, second way). The client's own
 * state does not change. Throws `unknown-head` if the client does not know the distinguished entry yet: it must keep
 * the update until then, without sending a request. Throws `log-forked` if the credential's log is not the client's,
 * `version-rolled-back` if the version was taken back, and other verification errors.
 */
export function verifyCredentialUpdate(
  config: Configuration,
  unsettled: UnsettledCredential,
  heads: readonly KnownHead[],
  update: CredentialUpdate,
): KnownHead {
  const { version, terminalPosition: terminal, view } = unsettled;
  const head = settlingHead(unsettled, heads);
  ensure(head !== undefined, 'unknown-head', 'no distinguished entry right of the credential is known yet');
  ensure(head.position > terminal, 'usage', 'the credential needs no update: its entry is distinguished');
  const { position: distinguished } = head;
  const { root } = verifyCombined({
    proof: update.monitor,
    size: distinguished + 1,
    view,
    auditedSize: undefined,
    keys: ladderKeys(unsettled.ladder),
    algorithm: updateAndClimb(config, { version, treeSize: view.size, terminal, distinguished }),
  });
  ensure(equalBytes(root, head.logRoot), 'log-forked', 'the credential belongs to another log than the one known');
  return head;
}
