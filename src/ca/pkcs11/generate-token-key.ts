import type { SignerAlgorithm } from '../../core/crypto/signer.ts';
import { type Attribute, CK, type Cryptoki, type Handle } from './cryptoki.ts';
import { curveParameters, type TokenKeyName } from './token-key.ts';

/**
 * Creates a key pair in the token in `slot`, whose user is logged in. The private key signs and never leaves the token,
 * not even wrapped. Passes on what the module throws.
 */
export async function generateTokenKey(
  functions: Cryptoki,
  slot: Handle,
  { label, id }: Required<TokenKeyName>,
  algorithm: SignerAlgorithm,
): Promise<void> {
  // Opens its own session, because the others are read-only. Sessions of one process share the login.
  const session = functions.C_OpenSession(slot, CK.serialSession | CK.readWriteSession);
  const names: Attribute[] = [{ type: CK.token, value: true }];
  if (label !== undefined) names.push({ type: CK.label, value: label });
  if (id !== undefined) names.push({ type: CK.id, value: Buffer.from(id, 'hex') });
  const parameters = { type: CK.ecParameters, value: curveParameters(algorithm) };
  const mechanism = algorithm === 'ed25519' ? CK.generateEdwards : CK.generateEc;
  await functions.C_GenerateKeyPairAsync(
    session,
    { mechanism },
    [...names, { type: CK.verify, value: true }, parameters],
    [
      ...names,
      { type: CK.private, value: true },
      { type: CK.sensitive, value: true },
      { type: CK.extractable, value: false },
      { type: CK.sign, value: true },
    ],
  );
  functions.C_CloseSession(session);
}
