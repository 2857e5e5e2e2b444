import { ensure } from '../../core/errors.ts';
import { assertWanted } from '../../core/still-wanted.ts';
import { type ChainRequest, type ChainResponse, MAXIMUM_CHAIN_LINKS } from '../../core/keytrans/messages.ts';
import { MAX_RECORD_BYTES_SHOWN } from './answer-budget.ts';
import { openVersion } from './asked-label.ts';
import type { ProverParts } from './prover-parts.ts';

/**
 * Opens an untrusted range of a label's versions: as many of the first as the label has and as the budget of bytes
 * admits. Throws `invalid-request`, `erased`, and `search-not-found` if the label does not have the first of them.
 */
export async function answerChain(
  { context, progress, signal }: ProverParts,
  request: ChainRequest,
): Promise<ChainResponse> {
  const { label, first, last } = request;
  const count = last - first + 1;
  const fits = count >= 1 && count <= MAXIMUM_CHAIN_LINKS;
  ensure(fits, 'invalid-request', `a chain has 1 to ${MAXIMUM_CHAIN_LINKS} versions`);
  const [{ released }, labelKey] = await Promise.all([progress.released(), context.vrf.labelKey(label, signal)]);
  assertWanted(signal);
  const rows = await context.store.readVersions(labelKey, first, last, MAX_RECORD_BYTES_SHOWN);
  const visible = rows.filter(({ position }) => position < released.size);
  ensure(visible[0]?.version === first, 'search-not-found', 'the label does not have these versions');
  return { links: visible.map((row) => openVersion(row)) };
}
