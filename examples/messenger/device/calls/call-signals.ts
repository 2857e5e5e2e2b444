import { LIMITS } from '../../shared/protocol.ts';
import { utf8 } from '../bytes.ts';

/**
 * A step of a call, which the backend carries between two devices. `text` is signed by the device (docs/calls.md). The
 * session description is not, but its fingerprints are in `text`. A `bye` is not signed: the backend can end a call.
 */
export type CallSignal =
  | { readonly step: 'offer' | 'answer'; readonly text: string; readonly sdp: string }
  | { readonly step: 'confirm'; readonly text: string }
  | { readonly step: 'bye' };

/** Writes a signal. */
export const writeSignal = (signal: CallSignal): Uint8Array => utf8(JSON.stringify(signal));

/** Reads a signal of anybody; undefined for bytes that are none. */
export function readSignal(bytes: Uint8Array): CallSignal | undefined {
  if (bytes.length > LIMITS.bodyBytes) return undefined;
  try {
    const { step, text, sdp } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    if (step === 'bye') return { step };
    if (typeof text !== 'string') return undefined;
    if (step === 'confirm') return { step, text };
    if ((step === 'offer' || step === 'answer') && typeof sdp === 'string') return { step, text, sdp };
  } catch {
    // no JSON object
  }
  return undefined;
}
