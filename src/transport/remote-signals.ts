import { PeerceptronError } from '../shared/errors.ts';
import type { RtcCandidateKind, RtcSignal } from './rtc.ts';
import { parseCandidateKind, parseDataDescription } from './session-description.ts';

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
   * Whether the signal is to be handed to the library; the end of candidates is not.
   * @throws PROTOCOL_MALFORMED, PROTOCOL_ORDER, PROTOCOL_LIMIT
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
        this.#candidates += 1;
        if (this.#candidates > MAX_REMOTE_CANDIDATES) {
          throw new PeerceptronError('PROTOCOL_LIMIT', `more than ${MAX_REMOTE_CANDIDATES} ICE candidates`);
        }
        this.#kinds.add(kind);
        return true;
      }
      default:
        throw new PeerceptronError('PROTOCOL_MALFORMED', 'only offer, answer and candidate are signals');
    }
  }
}
