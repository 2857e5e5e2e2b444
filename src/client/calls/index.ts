/**
 * Calls whose media only the people in them can read: two people over DTLS-SRTP with fingerprints that both have
 * signed, and groups by SFrame (RFC 9605) with keys of an MLS group. Runs in Node, in browsers and in workers.
 */
export { CallDevice } from './call-device.ts';
export { type CallDirectory, type CallPeer, type CallUser } from './call-user.ts';
export { type AcceptedAnswer, type StartedCall } from './started-call.ts';
export { type AnsweredCall, type IncomingCall } from './incoming-call.ts';
export { type CallRole, type VerifiedCall } from './verified-call.ts';
export { CALL_LIFETIME_MS } from './seen-calls.ts';
export { sdpFingerprints } from './sdp-fingerprints.ts';
export {
  type FrameOpener,
  type GroupEpoch,
  type MlsExporter,
  type OpenedFrame,
  SframeGroup,
  type SframeGroupOptions,
} from './sframe-group.ts';
export { type FrameSealer } from './sframe-sender.ts';
export { type SframeSuite } from './sframe-suite.ts';
export {
  type EncodedFrame,
  type FrameCounts,
  type FrameTransform,
  type FrameTransformOptions,
  sframeTransform,
} from './sframe-transform.ts';
