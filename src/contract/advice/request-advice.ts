import type { Advice } from './advice.ts';

const CORRECT = 'Correct the request, as the message says, and send it again.';
const LATER = 'Wait as long as `Retry-After` says, and try again.';
const EVIDENCE = 'Get new evidence of the name, and send the request again.';

/** Codes of requests that a server refuses: by its caller's fault, by the state of the log, or for now. */
export const REQUEST_ADVICE = {
  'value-out-of-range': { means: 'A number is outside its range.', next: CORRECT },
  'unsupported-suite': {
    means: 'The log uses a cipher suite that this program does not know.',
    next: 'Update the program.',
  },
  'bad-policy': { means: 'The witness policy cannot be read.', next: 'Correct the line that the message names.' },
  'invalid-identity': {
    means: 'This does not look like an e-mail address or a telephone number.',
    next: 'Write it as an e-mail address, a telephone number such as +15551234567, or an account such as acct:name@host.',
  },
  'bad-csr': {
    means: 'The certificate request (PKCS#10) cannot be read.',
    next: 'Make a new one with `glasskey` or OpenSSL.',
  },
  'bad-proof-of-possession': {
    means: 'The certificate request is not signed by the key that it asks for.',
    next: 'Make a new request with the private key of the name.',
  },
  'weak-key': {
    means: 'The key is too weak, or of a kind that the log does not take.',
    next: 'Make an Ed25519 or P-256 key.',
  },
  'csr-identity-mismatch': {
    means: 'The certificate request names another identity than the order.',
    next: 'Make a request whose subjectAltName is the name to register, and nothing else.',
  },
  'prefix-key-exists': {
    means: 'The log holds this version of the name already.',
    next: 'Look the name up: it may be done.',
  },
  'version-expired': { means: 'The log no longer shows this version.', next: 'Look up the newest version instead.' },
  'log-reset': {
    means: 'A development server was started anew, with another log.',
    next: 'Forget what this client keeps of the old log, and begin again.',
  },
  'other-log': {
    means: 'This is about another log.',
    next: 'Use the server, the bundle and the state of one log together.',
  },
  'unsupported-log': {
    means: 'The log uses something that this version of Glasskey does not know.',
    next: 'Update the program. Nothing was checked, and nothing is said against the server.',
  },
  'invalid-request': { means: 'The request is not in the form that the API takes.', next: CORRECT },
  'unsupported-media-type': {
    means: 'The server does not take this Content-Type here.',
    next: 'Send the type that `/docs` names.',
  },
  'payload-too-large': { means: 'The request is too large.', next: 'Send less at once.' },
  'not-found': { means: 'There is nothing at this path.', next: 'Compare the path with `/docs`.' },
  'method-not-allowed': { means: 'This path does not take this method.', next: 'Use a method of the `Allow` header.' },
  unauthenticated: {
    means: 'The server did not learn who is asking, or does not know the token.',
    next: 'Send a valid token. For a private directory, use the application that it belongs to.',
  },
  forbidden: {
    means: 'The token is valid, and may not do this.',
    next: 'Ask the operator for a token with this right.',
  },
  'token-refused': { means: 'The ID token is not valid for this name.', next: EVIDENCE },
  'code-refused': {
    means: 'The code from the mail is wrong or too old.',
    next: 'Type it again, or ask for a new one.',
  },
  'attestation-refused': {
    means: 'The attestation of the device does not prove its name for this order.',
    next: 'Make another order, and attest to the token of its challenge.',
  },
  denied: { means: "The application's own check said no.", next: 'Ask the operator of the application why.' },
  'issuer-unavailable': { means: 'The OpenID issuer does not answer the server.', next: LATER },
  'webhook-unavailable': { means: "The application's check does not answer the server.", next: LATER },
  'mail-unavailable': { means: 'The server cannot send mail now.', next: LATER },
  'change-required': {
    means: 'The name has keys already. This request names another key or other companion keys, and none signed it.',
    next: 'To renew, give the companion keys of the registration. Else sign the change with a key of the name (`glasskey rotate`); if all are lost, recover the name.',
  },
  'recovery-pending': {
    means: 'Somebody has asked to recover this name, and the wait is not over.',
    next: 'The owner can veto it (`glasskey veto`). Whoever recovers waits until the time that the message names.',
  },
  'change-rejected': {
    means: 'The change breaks a rule of the record.',
    next: 'Read the newest record, and make the change anew.',
  },
  'other-key': {
    means: 'Another key asked for this recovery than the one that the operator decided about.',
    next: 'Begin the recovery again, with the key that shall have the name.',
  },
  'version-conflict': {
    means: 'Another change of the same name came first.',
    next: 'Look the name up, and make the change anew.',
  },
  'no-such-certificate': {
    means: 'The name has no such certificate.',
    next: 'Look at the serials with `glasskey lookup`.',
  },
  'identity-not-found': {
    means: 'The log proves that it does not hold this name.',
    next: 'Compare the spelling, or register it.',
  },
  erased: {
    means: 'The name was erased at the wish of its owner.',
    next: 'Its keys are gone. Ask the person for another name.',
  },
  'search-not-found': {
    means: 'The name has no such version.',
    next: 'Look up the newest version, or read the history.',
  },
  'unsupported-operation': {
    means: 'This log, or this platform, cannot do that.',
    next: 'The message names what can be done.',
  },
  'rate-limited': { means: 'Too many requests came from here.', next: LATER },
  'too-far-behind': { means: 'This server, or copy, is behind what the client has seen.', next: LATER },
  'not-audited': {
    means: 'The auditor of this log has not signed for too long.',
    next: 'Ask the operator and the auditor why.',
  },
  overloaded: { means: 'The server has more to do than it can.', next: LATER },
  'timed-out': { means: 'The server did not finish in time.', next: LATER },
  'not-visible-yet': { means: 'A node of the database does not show the newest rows yet.', next: LATER },
  'shutting-down': { means: 'The server is being stopped.', next: LATER },
  'release-stalled': {
    means: 'The log is changing its trust bundle, and its next entry is still to come.',
    next: LATER,
  },
  'log-ended': {
    means: 'The log has ended, and takes no changes.',
    next: 'Use its successor, which `glasskey lookup` names.',
  },
  'request-refused': { means: 'The server refused the request.', next: 'Its own words are in the message.' },
  'bad-evidence': {
    means: 'This is not a file of evidence, or not a whole one.',
    next: 'Get the file again from its maker.',
  },
  'not-proven': {
    means: 'The evidence does not prove that the log misbehaved.',
    next: 'It may be damaged, or accuse wrongly.',
  },
  'keys-changed': {
    means: 'The keys of the name changed without a signature of its owner, and nobody here has acknowledged it.',
    next: 'Show the alerts to the user. Ask the owner in another way, then acknowledge them, and try again.',
  },
  'no-companion-key': {
    means: 'No device of the name has a certified key for encryption.',
    next: 'Ask its owner to register companion keys.',
  },
  'bad-message': {
    means: 'A sealed message was altered, or its content does not belong to it.',
    next: 'Do not use it. Ask the sender to send it again.',
  },
  'not-for-this-key': {
    means: 'The sealed message is for none of the keys that were given, or for another name or log.',
    next: 'Try the earlier keys of the device. A device that was added later cannot open earlier messages.',
  },
  usage: { means: 'The call, the command or the input cannot be used like this.', next: CORRECT },
} as const satisfies Record<string, Advice>;
