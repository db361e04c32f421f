import type { RtcSignal } from '../../src/transport/rtc.ts';
import type { WebRtc } from '../../src/transport/simple-peer.ts';

const MESSAGE_BYTES = 64 * 1024;
/** Kept in the sender's queue: never empty, and far from the 16 MiB at which libwebrtc closes the channel. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** How often the receiver says how far it is: that is what tells the sender to fill the queue up again. */
const REPORT_BYTES = 512 * 1024;

/**
 * A bare `RTCDataChannel`, used as fast as it goes: the yardstick. Neither `bufferedamountlow` nor its threshold exist
 * everywhere, so the receiver's reports are what drives the sender.
 */
export class RawEnd {
  readonly opened: Promise<void>;
  readonly #connection: RTCPeerConnection;
  #channel!: RTCDataChannel;
  #expectedBytes = 0;
  #receivedBytes = 0;
  #onReport: (receivedBytes: number) => void = () => undefined;

  constructor(
    { RTCPeerConnection: Connection }: Pick<WebRtc, 'RTCPeerConnection'>,
    initiator: boolean,
    emit: (signal: RtcSignal) => void,
  ) {
    const connection = new Connection({ iceServers: [] });
    this.#connection = connection;
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      const { sdpMid, sdpMLineIndex } = candidate;
      emit({ type: 'candidate', candidate: candidate.candidate, sdpMid, sdpMLineIndex });
    };
    const describe = async (description: RTCSessionDescriptionInit): Promise<void> => {
      await connection.setLocalDescription(description);
      emit({ type: initiator ? 'offer' : 'answer', sdp: connection.localDescription!.sdp });
    };
    this.#describe = describe;
    this.opened = new Promise((resolve) => {
      const adopt = (channel: RTCDataChannel): void => {
        channel.binaryType = 'arraybuffer';
        channel.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#receive(data);
        this.#channel = channel;
        if (channel.readyState === 'open') resolve();
        else channel.onopen = () => resolve();
      };
      if (initiator) adopt(connection.createDataChannel('raw'));
      else connection.ondatachannel = ({ channel }) => adopt(channel);
    });
    if (initiator) void connection.createOffer().then(describe);
  }

  readonly #describe: (description: RTCSessionDescriptionInit) => Promise<void>;
  #remoteDescribed: Promise<void> = Promise.resolve();

  signal(signal: RtcSignal): void {
    const connection = this.#connection;
    if (signal.type === 'candidate') {
      const { candidate, sdpMid, sdpMLineIndex } = signal;
      void this.#remoteDescribed.then(() => connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex }));
      return;
    }
    this.#remoteDescribed = connection.setRemoteDescription({ type: signal.type, sdp: signal.sdp });
    if (signal.type === 'offer')
      void this.#remoteDescribed.then(async () => this.#describe(await connection.createAnswer()));
  }

  /** Sends `data` over and over until that many bytes are sent; resolves when the other side has them all. */
  transfer(data: Uint8Array, totalBytes: number): Promise<void> {
    const channel = this.#channel;
    channel.send(String(totalBytes));
    let sentBytes = 0;
    const fill = (): void => {
      while (sentBytes < totalBytes && channel.bufferedAmount < QUEUE_BYTES) {
        const offset = sentBytes % data.length;
        const end = Math.min(data.length, offset + MESSAGE_BYTES, offset + totalBytes - sentBytes);
        channel.send(data.subarray(offset, end) as Uint8Array<ArrayBuffer>);
        sentBytes += end - offset;
      }
    };
    return new Promise((resolve) => {
      this.#onReport = (receivedBytes) => {
        if (receivedBytes === totalBytes) resolve();
        else fill();
      };
      fill();
    });
  }

  close(): void {
    this.#connection.close();
  }

  #receive(data: string | ArrayBuffer): void {
    if (typeof data === 'string') {
      const [word, bytes] = data.split(' ');
      if (word === 'got') return this.#onReport(Number(bytes));
      this.#expectedBytes = Number(word);
      this.#receivedBytes = 0;
      return;
    }
    const before = this.#receivedBytes;
    this.#receivedBytes += data.byteLength;
    const isDone = this.#receivedBytes === this.#expectedBytes;
    if (isDone || Math.floor(before / REPORT_BYTES) !== Math.floor(this.#receivedBytes / REPORT_BYTES))
      this.#channel.send(`got ${this.#receivedBytes}`);
  }
}
