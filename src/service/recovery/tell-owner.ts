import { decode } from '../../core/encoding/codec.ts';
import { type Evidence, evidenceCodec } from '../../identity/evidence.ts';
import type { Identity } from '../../identity/identity.ts';
import type { RecoveryRow } from '../../store/ports.ts';
import type { Issuance } from '../issuance/issuance.ts';
import type { LabelState } from '../log/label-state.ts';
import { effectiveFrom } from '../log/recovery-wait.ts';

/** A claim whose owner has to be notified. */
export interface PendingNotice {
  readonly identity: Identity;
  readonly claim: RecoveryRow;
  readonly state: LabelState;
}

/** Mails the address that an identity is. Throws `mail-unavailable`. */
export async function mailOwner(issuance: Issuance, { identity, claim, state }: PendingNotice): Promise<void> {
  const { context, settings } = issuance;
  const { mailer, recoverySettings } = settings.evidence;
  if (mailer === undefined || identity.kind !== 'email') return;
  const { subject, text: template } = recoverySettings;
  const date = new Date(await effectiveFrom(issuance, identity.label, state)).toISOString();
  const evidence = evidenceText(decode(evidenceCodec, claim.evidence));
  const facts: Readonly<Record<string, string>> = { identity: identity.text, origin: context.origin, date, evidence };
  const text = template.replaceAll(/\{(identity|origin|date|evidence)\}/g, (_, name: string) => facts[name] ?? '');
  await mailer.send({ to: identity.san.value, subject, text });
}

/** Notifies the operator's webhook, which may know other ways to reach the owner. Throws `webhook-unavailable`. */
export async function tellWebhook(issuance: Issuance, { identity, claim, state }: PendingNotice): Promise<void> {
  const { settings } = issuance;
  const { webhook } = settings.evidence;
  if (webhook === undefined) return;
  const evidence = decode(evidenceCodec, claim.evidence);
  const effectiveMs = await effectiveFrom(issuance, identity.label, state);
  await webhook.tellRecovery({ identity, evidence, spkiSha256: claim.spkiSha256, version: state.version, effectiveMs });
}

function evidenceText(evidence: Evidence): string {
  if (evidence.type === 'application') return 'the word of an application of this service';
  if (evidence.type === 'import') return 'the word of the administrator';
  return evidence.type === 'email' ? 'a code that was mailed to this address' : `signing in at ${evidence.issuer}`;
}
