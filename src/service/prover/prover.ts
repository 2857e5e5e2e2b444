import type { ContactMonitorRequest, ContactMonitorResponse } from '../../core/keytrans/contact-monitor-messages.ts';
import type {
  Credential,
  CredentialRequest,
  CredentialUpdate,
  CredentialUpdateRequest,
} from '../../core/keytrans/credential.ts';
import type { DistinguishedRequest, DistinguishedResponse } from '../../core/keytrans/distinguished-messages.ts';
import type {
  ChainRequest,
  ChainResponse,
  LookupRequest,
  LookupResponse,
  SearchRequest,
  SearchResponse,
} from '../../core/keytrans/messages.ts';
import type { LookupBatchRequest } from '../../core/keytrans/lookup-batch-messages.ts';
import type { OwnerInitRequest, OwnerInitResponse } from '../../core/keytrans/owner-init-messages.ts';
import type { OwnerMonitorRequest, OwnerMonitorResponse } from '../../core/keytrans/owner-monitor-messages.ts';
import type { StandingRequest, StandingResponse } from '../../core/keytrans/standing-messages.ts';
import type { UpdateRequest, UpdateResponse } from '../../core/keytrans/update-messages.ts';
import { keytransNodeHasher } from '../../core/log/node-hasher.ts';
import { AnswerVerifier } from './answer-verifier.ts';
import type { AuditorHeads } from './auditor-heads.ts';
import { EntryReader } from '../log/entry-reader.ts';
import type { LogContext } from '../log/log-context.ts';
import { LogNodeReader } from '../log/log-node-reader.ts';
import type { LogProgress } from '../log/log-progress.ts';
import { chain } from './chain.ts';
import { contactMonitor } from './contact-monitor.ts';
import { ownerInit } from './owner-init.ts';
import { ownerMonitor } from './owner-monitor.ts';
import { credential, credentialUpdate } from './credential.ts';
import { distinguished } from './distinguished.ts';
import { lookup } from './lookup.ts';
import { type BatchOutcome, lookupBatch } from './lookup-batch.ts';
import { ProofMaker } from './proof-maker.ts';
import type { ProverParts } from './prover-parts.ts';
import { search } from './search.ts';
import { standing } from './standing.ts';
import { update } from './update.ts';

/**
 * Answers KEYTRANS requests from the released log; each operation is a file in `prover/`. Nothing of a later size is ever
 * looked at. Any request takes one round trip for its label, one or a few for log entries, one for stored versions, one
 * for each level of prefix tiles that are not cached, and one for log tiles.
 */
export class Prover {
  readonly #parts: ProverParts;

  constructor(context: LogContext, progress: LogProgress, auditor: AuditorHeads) {
    const { store, limits } = context;
    const entries = new EntryReader(store, limits.entryCacheSize);
    const nodes = new LogNodeReader(store, 'keytrans', keytransNodeHasher, limits.logTileCacheSize);
    const proofs = new ProofMaker(context, entries, nodes);
    this.#parts = { context, progress, auditor, proofs, verifier: new AnswerVerifier(context, entries, nodes) };
  }

  /** See {@link lookup}. */
  lookup(request: LookupRequest): Promise<LookupResponse> {
    return lookup(this.#parts, request);
  }

  /** See {@link lookupBatch}. */
  lookupBatch(request: LookupBatchRequest, mayAsk: (label: Uint8Array) => void): Promise<readonly BatchOutcome[]> {
    return lookupBatch(this.#parts, request, mayAsk);
  }

  /** See {@link search}. */
  search(request: SearchRequest): Promise<SearchResponse> {
    return search(this.#parts, request);
  }

  /** See {@link chain}. */
  chain(request: ChainRequest): Promise<ChainResponse> {
    return chain(this.#parts, request);
  }

  /** See {@link contactMonitor}. */
  contactMonitor(request: ContactMonitorRequest): Promise<ContactMonitorResponse> {
    return contactMonitor(this.#parts, request);
  }

  /** See {@link ownerInit}. */
  ownerInit(request: OwnerInitRequest): Promise<OwnerInitResponse> {
    return ownerInit(this.#parts, request);
  }

  /** See {@link ownerMonitor}. */
  ownerMonitor(request: OwnerMonitorRequest): Promise<OwnerMonitorResponse> {
    return ownerMonitor(this.#parts, request);
  }

  /** See {@link update}. */
  update(request: UpdateRequest): Promise<readonly UpdateResponse[]> {
    return update(this.#parts, request);
  }

  /** See {@link distinguished}. */
  distinguished(request: DistinguishedRequest): Promise<DistinguishedResponse> {
    return distinguished(this.#parts, request);
  }

  /** See {@link credential}. */
  credential(request: CredentialRequest): Promise<Credential> {
    return credential(this.#parts, request);
  }

  /** See {@link credentialUpdate}. */
  credentialUpdate(request: CredentialUpdateRequest): Promise<CredentialUpdate> {
    return credentialUpdate(this.#parts, request);
  }

  /** See {@link standing}. */
  standing(request: StandingRequest): Promise<StandingResponse> {
    return standing(this.#parts, request);
  }
}
