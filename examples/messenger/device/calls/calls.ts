import {
  type AnsweredCall,
  CallDevice,
  type IncomingCall,
  sdpFingerprints,
  type StartedCall,
  type VerifiedCall,
} from 'glasskey/calls';
import type { InboxEvent } from '../../shared/protocol.ts';
import { nameOf } from '../../shared/protocol.ts';
import { fromBase64 } from '../bytes.ts';
import type { Device, Me } from '../device.ts';
import { lookUpAll } from '../mls/invitations.ts';
import { failureText } from '../words.ts';
import { CallConnection } from './call-connection.ts';
import { type CallSignal, readSignal, writeSignal } from './call-signals.ts';

/** The call of this device, as a page shows it. There is one at a time. */
export type CallState =
  | { readonly type: 'none' }
  | { readonly type: 'calling' | 'ringing' | 'connecting'; readonly peer: string }
  | {
      readonly type: 'talking';
      readonly peer: string;
      /** Id of the device at the other end, which the log has. */
      readonly device: string;
      readonly local: MediaStream;
      readonly remote: MediaStream;
    }
  | { readonly type: 'failed'; readonly text: string };

/** The parts of a call that has begun. */
interface Running {
  connection?: CallConnection;
  started?: StartedCall;
  incoming?: { readonly call: IncomingCall; readonly sdp: string };
  answered?: AnsweredCall;
  /** Ids of the devices at the other end: all that ring, then the one that answered. */
  devices: readonly string[];
}

/**
 * Calls of two people. Names and the fingerprints of the connection are signed on both sides, and checked by the log:
 * nobody is seen or heard before both ends have proved, within the connection, that they are in the same call.
 */
export class Calls {
  readonly #device: Device;
  readonly #changed: () => void;
  #me: Me | undefined;
  #signer: CallDevice | undefined;
  #running: Running | undefined;
  #state: CallState = { type: 'none' };

  constructor(device: Device, changed: () => void) {
    this.#device = device;
    this.#changed = changed;
  }

  get state(): CallState {
    return this.#state;
  }

  /** Says who this device is: after it was admitted, and after each change of its key. */
  setMe(me: Me): void {
    this.#me = me;
    this.#signer = new CallDevice({ directory: this.#device.directory, name: me.identity, key: me.key });
  }

  /** Calls somebody, on all devices. */
  async call(identity: string): Promise<void> {
    const running: Running = { devices: [] };
    this.#begin(running, { type: 'calling', peer: nameOf(identity) });
    await this.#guarded(running, async (signer) => {
      const [binding] = await lookUpAll(this.#device, [identity]);
      running.connection = await CallConnection.open();
      const sdp = await running.connection.offer();
      running.started = await signer.start(identity, sdpFingerprints(sdp));
      running.devices = [...new Set(binding?.certificates.map(({ spkiSha256 }) => spkiSha256))];
      await this.#send(running, { step: 'offer', text: running.started.message, sdp });
    });
  }

  /** Answers the call that rings. */
  async answer(): Promise<void> {
    const running = this.#running;
    const incoming = running?.incoming;
    if (running === undefined || incoming === undefined || running.connection !== undefined) return;
    this.#show({ type: 'connecting', peer: nameOf(incoming.call.caller.identity) });
    await this.#guarded(running, async () => {
      running.connection = await CallConnection.open();
      const sdp = await running.connection.answer(incoming.call.verifySdp(incoming.sdp));
      running.answered = await incoming.call.answer(sdpFingerprints(sdp));
      await this.#send(running, { step: 'answer', text: running.answered.message, sdp });
    });
  }

  /** Ends the call, or declines it, or takes the words of a failure away. */
  async hangUp(): Promise<void> {
    const running = this.#running;
    this.#end({ type: 'none' });
    if (running !== undefined) await this.#send(running, { step: 'bye' }).catch(() => undefined);
  }

  /** Takes a signal out of the inbox. Signals that fit nothing are dropped: anybody may send some. */
  async receive(event: InboxEvent): Promise<void> {
    const signal = readSignal(fromBase64(event.body));
    const running = this.#running;
    if (signal === undefined) return;
    if (signal.step === 'offer') return this.#ring(event.device, signal.text, signal.sdp);
    if (running === undefined || !running.devices.includes(event.device)) return;
    if (signal.step === 'bye') return this.#leave(running, event.device);
    if (signal.step === 'answer') return this.#accept(running, event.device, signal.text, signal.sdp);
    await this.#guarded(running, async () => {
      if (running.answered !== undefined) await this.#connect(running, await running.answered.confirmed(signal.text));
    });
  }

  async #ring(device: string, text: string, sdp: string): Promise<void> {
    if (this.#running !== undefined || this.#signer === undefined) return;
    try {
      const call = await this.#signer.receive(text);
      this.#begin(
        { devices: [device], incoming: { call, sdp } },
        { type: 'ringing', peer: nameOf(call.caller.identity) },
      );
    } catch (error) {
      this.#show({ type: 'failed', text: `A call was refused: ${failureText(error)}` });
    }
  }

  async #accept(running: Running, device: string, text: string, sdp: string): Promise<void> {
    const { started, connection, devices } = running;
    if (started === undefined || connection === undefined) return;
    await this.#guarded(running, async () => {
      const { call, confirm } = await started.accept(text);
      const others = devices.filter((one) => one !== device);
      await this.#send({ devices: others }, { step: 'bye' }).catch(() => undefined);
      running.devices = [device];
      await connection.accept(call.verifySdp(sdp));
      await this.#send(running, { step: 'confirm', text: confirm });
      await this.#connect(running, call);
    });
  }

  async #connect(running: Running, call: VerifiedCall): Promise<void> {
    const { connection } = running;
    if (connection === undefined) return;
    const peer = nameOf(call.peer.identity);
    this.#show({ type: 'connecting', peer });
    await connection.prove(call);
    if (this.#running !== running) return;
    connection.onEnd(() => {
      if (this.#running === running) this.#end({ type: 'none' });
    });
    const { local, remote } = connection;
    this.#show({ type: 'talking', peer, device: call.peer.certificate.spkiSha256, local, remote });
  }

  /** A caller that says bye ends the call; of the devices that ring, one may decline while others still ring. */
  #leave(running: Running, device: string): void {
    running.devices = running.devices.filter((one) => one !== device);
    if (running.devices.length === 0) this.#end({ type: 'none' });
  }

  async #guarded(running: Running, work: (signer: CallDevice) => Promise<void>): Promise<void> {
    try {
      if (this.#signer !== undefined) await work(this.#signer);
    } catch (error) {
      if (this.#running !== running) return;
      await this.#send(running, { step: 'bye' }).catch(() => undefined);
      this.#end({ type: 'failed', text: `The call has failed: ${failureText(error)}` });
    }
  }

  async #send({ devices }: Pick<Running, 'devices'>, signal: CallSignal): Promise<void> {
    const own = this.#me?.device ?? '';
    const bytes = writeSignal(signal);
    const sent = devices.map((one) => this.#device.backend.direct(own, one, 'call', bytes));
    // A device without an inbox does not ring; others may.
    const outcomes = await Promise.allSettled(sent);
    const failed = outcomes.find((one) => one.status === 'rejected');
    if (failed !== undefined && outcomes.every(({ status }) => status === 'rejected')) throw failed.reason;
  }

  #begin(running: Running, state: CallState): void {
    if (this.#running !== undefined) throw new Error('There is a call already.');
    this.#running = running;
    this.#show(state);
  }

  #end(state: CallState): void {
    this.#running?.connection?.close();
    this.#running = undefined;
    this.#show(state);
  }

  #show(state: CallState): void {
    this.#state = state;
    this.#changed();
  }
}
