import type { VerifiedCall } from 'glasskey/calls';

/** Longest wait for addresses, and for the connection, ms. */
const GATHERING_MS = 5_000;
const CONNECTING_MS = 20_000;

/** A WebRTC connection of two devices, without the question who they are. */
export class CallConnection {
  readonly local: MediaStream;
  readonly remote = new MediaStream();
  readonly #peer = new RTCPeerConnection();
  /** Made by both sides alike. It carries the proof that both ends are in the same call. */
  readonly #channel = this.#peer.createDataChannel('proof', { negotiated: true, id: 0 });
  readonly #proof: Promise<Uint8Array>;

  private constructor(local: MediaStream) {
    this.local = local;
    this.#channel.binaryType = 'arraybuffer';
    this.#proof = new Promise((resolve) => {
      this.#channel.addEventListener('message', ({ data }) => resolve(new Uint8Array(data as ArrayBuffer)));
    });
    for (const track of local.getTracks()) this.#peer.addTrack(track, local);
    this.#peer.addEventListener('track', ({ track }) => this.remote.addTrack(track));
  }

  /** Opens camera and microphone. */
  static async open(): Promise<CallConnection> {
    return new CallConnection(await navigator.mediaDevices.getUserMedia({ audio: true, video: true }));
  }

  /** Returns the own session description: an offer. */
  async offer(): Promise<string> {
    return this.#describe(await this.#peer.createOffer());
  }

  /** Takes the other side's verified offer, and returns the own session description. */
  async answer(sdp: string): Promise<string> {
    await this.#peer.setRemoteDescription({ type: 'offer', sdp });
    return this.#describe(await this.#peer.createAnswer());
  }

  /** Takes the other side's verified answer. */
  async accept(sdp: string): Promise<void> {
    await this.#peer.setRemoteDescription({ type: 'answer', sdp });
  }

  /** Waits until both sides have proved, within the connection, that they are in this call. Throws otherwise. */
  async prove(call: VerifiedCall): Promise<void> {
    await within(CONNECTING_MS, this.#opened());
    this.#channel.send(new Uint8Array(call.channelProof));
    call.assertChannelProof(await within(CONNECTING_MS, this.#proof));
    const [certificate] = this.#peer.sctp?.transport.getRemoteCertificates() ?? [];
    if (certificate !== undefined) call.assertCertificate(new Uint8Array(certificate));
  }

  /** Calls `ended` when the other side is gone. */
  onEnd(ended: () => void): void {
    this.#channel.addEventListener('close', ended);
  }

  close(): void {
    for (const track of this.local.getTracks()) track.stop();
    this.#peer.close();
  }

  async #describe(description: RTCSessionDescriptionInit): Promise<string> {
    await this.#peer.setLocalDescription(description);
    // All addresses go into one description, so that one signal is enough. What is missing after a while is left out.
    await Promise.race([this.#gathered(), new Promise((resolve) => setTimeout(resolve, GATHERING_MS))]);
    return this.#peer.localDescription?.sdp ?? '';
  }

  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#peer.iceGatheringState === 'complete') resolve();
      };
      this.#peer.addEventListener('icegatheringstatechange', look);
      look();
    });
  }

  #opened(): Promise<void> {
    if (this.#channel.readyState === 'open') return Promise.resolve();
    return new Promise((resolve) => this.#channel.addEventListener('open', () => resolve()));
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => reject(new Error('The other side could not be reached.')), ms);
  });
  return Promise.race([work, late]).finally(() => window.clearTimeout(timer));
}
