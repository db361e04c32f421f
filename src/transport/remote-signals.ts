import { PeerceptronError } from '../shared/errors.ts';
import type { RtcCandidateKind, RtcSignal } from './rtc.ts';
import { parseCandidateKind, parseDataDescription } from './session-description.ts';

/** A device with many network interfaces has more; the first ones are those of the interfaces that it had from the start. */
const MAX_REMOTE_CANDIDATES = 64;

/** What one connection takes from the other side before it is open, whichever library makes it: rules `LK1`, `LK2`. */
export class RemoteSignals {
  readonly #initiator: boolean;
  readonly #kinds = new Set<RtcCandidateKind>();
  #candidates = 0;
  #described = false;

  constructor(initiator: boolean) {
    this.#initiator = initiator;
  }

  /** Kinds of address seen so far. */
  get kinds(): readonly RtcCandidateKind[] {
    return [...this.#kinds];
  }

  /**
   * Whether the signal is to be handed to the library; the end of candidates is not, nor what is above their limit.
   * @throws PROTOCOL_MALFORMED, PROTOCOL_ORDER
   */
  accept(signal: RtcSignal): boolean {
    switch (signal.type) {
      case 'offer':
      case 'answer': {
        if ((signal.type === 'answer') !== this.#initiator || this.#described) {
          throw new PeerceptronError('PROTOCOL_ORDER', `an unexpected ${signal.type} from the other side`);
        }
        const { candidates } = parseDataDescription(signal.sdp);
        this.#described = true;
        for (const kind of candidates) this.#kinds.add(kind);
        return true;
      }
      case 'candidate': {
        const { candidate, sdpMid, sdpMLineIndex } = signal;
        // The end of candidates; nothing waits for it.
        if (candidate === '') return false;
        const kind = parseCandidateKind(candidate);
        const isOfSection = sdpMLineIndex === 0 || (sdpMLineIndex === null && sdpMid !== null);
        if (!isOfSection || (sdpMid !== null && sdpMid.length > 64)) {
          throw new PeerceptronError(
            'PROTOCOL_MALFORMED',
            'an ICE candidate for a media section that is not there',
          );
        }
        if (this.#candidates === MAX_REMOTE_CANDIDATES) return false;
        this.#candidates += 1;
        this.#kinds.add(kind);
        return true;
      }
      default:
        throw new PeerceptronError('PROTOCOL_MALFORMED', 'only offer, answer and candidate are signals');
    }
  }
}
