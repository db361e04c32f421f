import { PeerceptronError } from '../../../src/shared/errors.ts';
import type { PeerLink } from '../../../src/transport/peer-link.ts';
import { createMemoryPair, type MemoryPair } from '../../../src/transport/memory-pair.ts';
import type {
  OpenedRtc,
  OpenRtc,
  RtcCandidateKind,
  RtcConnection,
  RtcSignal,
} from '../../../src/transport/rtc.ts';

export interface FakeRtcDevice {
  /** Addresses that this device finds of itself. */
  candidates: readonly RtcCandidateKind[];
  /** False: no path leads to or from this device. */
  routed: boolean;
  /** Changes what this device is told of the other's certificate, as someone in between would. */
  tamperFingerprint: boolean;
  readonly openRtc: OpenRtc;
  /** Links of connections that opened, newest last: a hostile device writes to them. */
  readonly links: PeerLink[];
  readonly opened: number;
  /** Signals that reached WebRTC. */
  readonly signals: RtcSignal[];
}

interface Side {
  readonly device: FakeRtcDevice;
  readonly fingerprint: string;
  readonly resolve: (opened: OpenedRtc) => void;
  readonly reject: (error: PeerceptronError) => void;
  over: boolean;
}

/** WebRTC without a network: an answer that reaches the initiator opens an in-memory pair. */
export class FakeRtcNetwork {
  readonly pairs: MemoryPair[] = [];
  readonly #sides = new Map<string, Side>();
  /** Connections that were begun. */
  begun = 0;

  device(candidates: readonly RtcCandidateKind[] = ['host']): FakeRtcDevice {
    const device: FakeRtcDevice & { opened: number } = {
      candidates,
      routed: true,
      tamperFingerprint: false,
      links: [],
      opened: 0,
      signals: [],
      openRtc: ({ initiator }) => this.#open(device, initiator),
    };
    return device;
  }

  #open(device: FakeRtcDevice & { opened: number }, initiator: boolean): RtcConnection {
    this.begun += 1;
    const id = String(this.begun);
    const fingerprint = id.padStart(64, initiator ? 'a' : 'b');
    let side!: Side;
    const opened = new Promise<OpenedRtc>((resolve, reject) => {
      side = { device, fingerprint, resolve, reject, over: false };
    });
    opened.catch(() => undefined);
    this.#sides.set(id, side);
    const remote: RtcCandidateKind[] = [];
    const say = (type: 'offer' | 'answer', to: string): void => {
      connection.onSignal?.({ type, sdp: `fake ${id} ${to}` });
      for (const kind of device.candidates)
        connection.onSignal?.({
          type: 'candidate',
          candidate: `typ ${kind}`,
          sdpMid: '0',
          sdpMLineIndex: 0,
        });
    };
    const connection: RtcConnection = {
      onSignal: undefined,
      opened,
      candidates: () => ({ local: device.candidates, remote }),
      close: () => {
        side.over = true;
        side.reject(new PeerceptronError('LINK_CLOSED', 'closed by this side'));
      },
      signal: (signal) => {
        device.signals.push(signal);
        if (signal.type === 'candidate') {
          remote.push(signal.candidate.slice(4) as RtcCandidateKind);
          return;
        }
        const [word, from] = signal.sdp.split(' ');
        const other = this.#sides.get(from ?? '');
        if (word !== 'fake' || !other || (signal.type === 'offer') === initiator)
          throw new PeerceptronError('PROTOCOL_MALFORMED', 'not a description that fits here');
        if (signal.type === 'offer') say('answer', from!);
        else this.#connect(side, other);
      },
    };
    if (initiator) queueMicrotask(() => say('offer', '?'));
    return connection;
  }

  #connect(a: Side, b: Side): void {
    if (a.over || b.over || !a.device.routed || !b.device.routed) return;
    const pair = createMemoryPair();
    this.pairs.push(pair);
    const settle = (side: Side, other: Side, link: PeerLink): void => {
      (side.device as { opened: number }).opened += 1;
      side.device.links.push(link);
      side.resolve({
        link,
        localFingerprint: side.fingerprint,
        remoteFingerprint: side.device.tamperFingerprint ? 'f'.repeat(64) : other.fingerprint,
      });
    };
    settle(a, b, pair.a);
    settle(b, a, pair.b);
  }
}
