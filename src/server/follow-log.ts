import { auditEvidenceOf } from '../client/audit/audit-evidence.ts';
import { auditLog, type AuditProgress } from '../client/audit/audit-log.ts';
import { type AuditState, decodeAuditState, encodeAuditState } from '../client/audit/audit-state.ts';
import { readAuditTrust } from '../client/audit/audit-trust.ts';
import { bootstrapAudit } from '../client/audit/bootstrap-audit.ts';
import { httpAuditFiles } from '../client/audit/audit-files.ts';
import { evidenceJson } from '../client/evidence/evidence-text.ts';
import { LOG_PREFIX } from '../contract/paths.ts';
import type { TrustBundle } from '../contract/trust-bundle.ts';
import { parseBase64 } from '../core/encoding/bytes.ts';
import { decode } from '../core/encoding/codec.ts';
import type { Fetch } from '../core/net/bounded-fetch.ts';
import type { GlasskeyError } from '../core/errors.ts';
import { auditorLogRoot } from '../core/keytrans/auditor-update.ts';
import { configurationCodec } from '../core/keytrans/configuration.ts';
import type { VerifyUpdates } from '../client/audit/verify-updates.ts';
import type { Followed } from '../service/auditor/auditor.ts';

/** Threads that verify AuditorUpdates. */
export interface UpdateThreads {
  readonly verifyUpdates: VerifyUpdates;
  /** The number of jobs to keep in flight. */
  readonly jobs: number;
}

/** The log to follow, and the means. */
export interface FollowOptions {
  /** URL of the server, without a final slash. */
  readonly server: string;
  readonly fetch: Fetch;
  /** Ends the requests: the first audit of a large log takes long. */
  readonly signal?: AbortSignal;
  /** Returns the current trust bundle. */
  readonly bundle: () => Promise<TrustBundle>;
  readonly now: () => number;
  readonly onProgress: (progress: AuditProgress) => void;
  /** Threads that verify AuditorUpdates; default: none. */
  readonly threads?: UpdateThreads;
}

const FILE_TIMEOUT_MS = 60_000;

/**
 * Audits a log from the auditor's stored state on, as `glasskey audit` does. An auditor that starts in the middle
 * trusts the entries before its start. Throws the errors of `auditLog` and `bootstrapAudit`.
 */
export async function followLog(options: FollowOptions, stored: Uint8Array | undefined): Promise<Followed> {
  const { server, fetch, signal, now, onProgress } = options;
  const bundle = await options.bundle();
  const configuration = decode(configurationCodec, parseBase64(bundle.keytransConfiguration));
  const start = configuration.mode === 'thirdPartyAuditing' ? configuration.auditorStartPosition : 0;
  const state = stored === undefined ? await bootstrap(options, bundle, start) : decodeAuditState(stored);
  const report = await auditLog({ ...options.threads, baseUrl: server, bundle, state, fetch, signal, now, onProgress });
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
  { server, fetch, signal }: Pick<FollowOptions, 'server' | 'fetch' | 'signal'>,
  bundle: TrustBundle,
  position: number,
): Promise<AuditState | undefined> {
  if (position === 0) return undefined;
  const files = httpAuditFiles({ prefix: server + LOG_PREFIX, fetch, signal, timeoutMs: FILE_TIMEOUT_MS });
  try {
    return await bootstrapAudit(files, readAuditTrust(bundle), position);
  } finally {
    files.close();
  }
}

/** Returns true if an audit's error carries a proof of misbehaviour, which damage in transit cannot produce. */
export function isProven(error: GlasskeyError): boolean {
  return auditEvidenceOf(error)?.proof !== undefined;
}

/** Formats the evidence of an error as JSON. If it is a proof, `glasskey evidence verify` reads it. */
export function describeMisbehaviour(error: GlasskeyError, server: string, nowMs: number): string {
  const { code, message } = error;
  const at = new Date(nowMs).toISOString();
  const { proof, ...facts } = auditEvidenceOf(error) ?? {};
  const proved = proof === undefined ? {} : { proof: evidenceJson(proof) };
  return `${JSON.stringify({ at, command: 'auditor', server, code, message, ...facts, ...proved }, null, 2)}\n`;
}
