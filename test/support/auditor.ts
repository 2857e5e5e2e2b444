import { createKey } from '../../src/ca/keys/key-file.ts';
import { signerFromKey } from '../../src/ca/keys/node-signer.ts';
import { auditEntryCodec } from '../../src/core/audit/audit-entry.ts';
import type { Signer } from '../../src/core/crypto/signer.ts';
import { decode } from '../../src/core/encoding/codec.ts';
import type { Configuration } from '../../src/core/keytrans/configuration.ts';
import { type AuditorTreeHead, encodeAuditorTreeHeadTbs } from '../../src/core/keytrans/tree-head.ts';
import type { LogContext } from '../../src/service/log/log-context.ts';

/** A third-party auditor that believes what the log's audit entries say: enough for the answers that carry its heads. */
export interface TestAuditor {
  readonly signer: Signer;
  /** What the log's Configuration says of it. */
  readonly configuration: Partial<Configuration>;
  /** Signs the log's first `size` entries. */
  sign(context: LogContext, size: number): Promise<AuditorTreeHead>;
}

/** An auditor with a new key. */
export async function createTestAuditor(maxAuditorLagMs: number, auditorStartPosition = 0): Promise<TestAuditor> {
  const signer = signerFromKey(await createKey('ed25519'));
  return {
    signer,
    configuration: {
      mode: 'thirdPartyAuditing',
      maxAuditorLagMs,
      auditorStartPosition,
      auditorPublicKey: signer.publicKey,
    },
    sign: async ({ store, configuration }, size) => {
      const [row] = await store.readEntries([size - 1]);
      if (row === undefined) throw new Error(`no entry ${size - 1}`);
      const { timestampMs, logRoot } = decode(auditEntryCodec, row.auditEntry);
      const head = { timestampMs, treeSize: size };
      return { ...head, signature: await signer.sign(encodeAuditorTreeHeadTbs(configuration, head, logRoot)) };
    },
  };
}
