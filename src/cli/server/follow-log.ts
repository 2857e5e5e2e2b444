import { evidenceOf } from '../../client/audit/audit-evidence.ts';
import { auditLog, type AuditProgress } from '../../client/audit/audit-log.ts';
import { type AuditState, decodeAuditState, encodeAuditState } from '../../client/audit/audit-state.ts';
import { readAuditTrust } from '../../client/audit/audit-trust.ts';
import { bootstrapAudit } from '../../client/audit/bootstrap-audit.ts';
import { httpLogFiles } from '../../client/audit/log-files.ts';
import type { Fetch } from '../../client/transport.ts';
import { LOG_PREFIX } from '../../contract/paths.ts';
import type { TrustBundle } from '../../contract/trust-bundle.ts';
import { parseCheckpoint, verifyCheckpoint } from '../../core/audit/checkpoint.ts';
import { parseNote } from '../../core/audit/note.ts';
import { parseVkey, type Vkey } from '../../core/audit/vkey.ts';
import { equalBytes, parseBase64 } from '../../core/encoding/bytes.ts';
import { decode } from '../../core/encoding/codec.ts';
import { type GlasskeyError, isGlasskeyError } from '../../core/errors.ts';
import { auditorLogRoot } from '../../core/keytrans/auditor-update.ts';
import { configurationCodec } from '../../core/keytrans/configuration.ts';
import type { Followed } from '../../service/auditor/auditor.ts';

/** How to follow a log. */
export interface FollowOptions {
  /** URL of the server, without a final slash. */
  readonly server: string;
  readonly fetch: Fetch;
  /** The bundle now. */
  readonly bundle: () => Promise<TrustBundle>;
  readonly now: () => number;
  readonly onProgress: (progress: AuditProgress) => void;
}

const FILE_TIMEOUT_MS = 60_000;

/**
 * Audits a log from where an auditor stopped, as `glasskey audit` does; an auditor that starts in the middle takes the
 * entries before as they are. Throws what `auditLog` and `bootstrapAudit` throw.
 */
export async function followLog(options: FollowOptions, stored: Uint8Array | undefined): Promise<Followed> {
  const { server, fetch, now, onProgress } = options;
  const bundle = await options.bundle();
  const configuration = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
  const start = configuration.mode === 'thirdPartyAuditing' ? configuration.auditorStartPosition : 0;
  const state = stored === undefined ? await bootstrap(options, bundle, start) : decodeAuditState(stored);
  const report = await auditLog({ baseUrl: server, bundle, state, fetch, now, onProgress });
  return {
    treeSize: report.treeSize,
    timestampMs: report.lastEntryMs,
    logRoot: auditorLogRoot(report.state.auditor),
    entries: report.entries,
    updates: report.updates,
    configuration,
    state: encodeAuditState(report.state),
  };
}

async function bootstrap(
  { server, fetch }: Pick<FollowOptions, 'server' | 'fetch'>,
  bundle: TrustBundle,
  position: number,
): Promise<AuditState | undefined> {
  if (position === 0) return undefined;
  const files = httpLogFiles({ prefix: server + LOG_PREFIX, fetch, timeoutMs: FILE_TIMEOUT_MS });
  try {
    return await bootstrapAudit(files, readAuditTrust(bundle), position);
  } finally {
    files.close();
  }
}

/**
 * Whether an error of an audit shows by the log's signatures alone that it misbehaved: two checkpoints of one size with
 * different roots. Anything else may also be a file that was damaged on its way.
 */
export function isSignedFork(error: GlasskeyError, bundle: TrustBundle): boolean {
  const evidence = evidenceOf(error);
  if (evidence?.checkpoint === undefined || evidence.previousCheckpoint === undefined) return false;
  try {
    const shown = verifyCheckpoint(evidence.checkpoint, { origin: bundle.origin, vkeys: vkeysOf(bundle) });
    const held = parseCheckpoint(parseNote(evidence.previousCheckpoint).text);
    return shown.size === held.size && !equalBytes(shown.rootHash, held.rootHash);
  } catch (cause) {
    if (!isGlasskeyError(cause)) throw cause;
    return false;
  }
}

/** The evidence of an error, as a JSON file. */
export function describeMisbehaviour(error: GlasskeyError, server: string, nowMs: number): string {
  const { code, message } = error;
  const at = new Date(nowMs).toISOString();
  return `${JSON.stringify({ at, command: 'auditor', server, code, message, ...evidenceOf(error) }, null, 2)}\n`;
}

function vkeysOf(bundle: TrustBundle): Vkey[] {
  return bundle.auditLogVkeys.map((vkey) => parseVkey(vkey));
}
