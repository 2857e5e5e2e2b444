import { ensure } from '../../core/errors.ts';
import type { SearchRequest, SearchResponse } from '../../core/keytrans/messages.ts';
import { lookup } from './lookup.ts';
import type { ProverParts } from './prover-parts.ts';

/** Answers an untrusted search (KT §13.1). Throws as {@link lookup} does, and `search-not-found`. */
export async function search(parts: ProverParts, request: SearchRequest): Promise<SearchResponse> {
  const fixed = request.version !== undefined;
  ensure(!fixed, 'unsupported-operation', 'searches for a given version are not served yet');
  const answer = await lookup(parts, request);
  ensure(answer.type === 'found', 'search-not-found', 'the label is not in the log');
  return answer.response;
}
