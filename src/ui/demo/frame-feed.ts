import type { FrameResult } from '../../runtime/frames-in-flight.ts';
import { LiveFrames, type FrameRunner, type LiveCounts } from '../../runtime/frame-stream.ts';
import type { Clock } from '../../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../../shared/errors.ts';
import type { FrameRead, FrameReader } from './frame-reader.ts';
import type { PictureSource } from './picture-source.ts';

export interface FeedOutcome {
  readonly read: FrameRead;
  /** Clock milliseconds at which the picture was taken out of the source. */
  readonly takenAtMs: number;
  /** From the moment the picture was there to the result: truly end to end. */
  readonly ageMs: number;
  readonly result: FrameResult;
}

export interface FrameFeedOptions {
  readonly run: FrameRunner;
  readonly source: PictureSource;
  readonly reader: FrameReader;
  readonly clock: Pick<Clock, 'now'>;
  readonly onOutcome: (outcome: FeedOutcome) => void;
  /** There was a picture, and nothing in it to ask about. */
  readonly onNothing: () => void;
  readonly onFailure: (error: PeerceptronError) => void;
}

interface Offer {
  read?: FrameRead;
  takenAtMs: number;
}

/** Feeds a network from a source at the network's pace. Whatever starts is the newest picture at that time; others are dropped. */
export class FrameFeed {
  readonly #live: LiveFrames<Offer>;
  readonly #stop: () => void;
  #passed = 0;

  constructor(options: FrameFeedOptions) {
    const { run, source, reader, clock, onOutcome, onNothing, onFailure } = options;
    this.#live = new LiveFrames<Offer>({
      session: run,
      clock,
      encode: (offer) => {
        offer.takenAtMs = clock.now();
        const read = reader.read(source);
        if (!read) throw new PeerceptronError('FRAME_DROPPED', 'there is nothing to see in this picture');
        offer.read = read;
        return [read.input];
      },
      onResult: ({ frame, result, ageMs }) =>
        onOutcome({ read: frame.read!, takenAtMs: frame.takenAtMs, ageMs, result }),
      onFailure: (frame, error) => {
        if (frame.read || error.code !== 'FRAME_DROPPED') {
          onFailure(error);
          return;
        }
        this.#passed += 1;
        onNothing();
      },
    });
    this.#stop = source.subscribe(() => {
      try {
        if (reader.take(source)) this.#live.offer({ takenAtMs: clock.now() });
      } catch (thrown) {
        onFailure(toPeerceptronError(thrown, 'INPUT_INVALID'));
      }
    });
  }

  /** Of the pictures that were worth asking about. */
  get counts(): LiveCounts {
    const { offered, started, failed, ...counts } = this.#live.counts;
    const passed = this.#passed;
    return { ...counts, offered: offered - passed, started: started - passed, failed: failed - passed };
  }

  /** No more pictures; what is under way is forgotten. */
  stop(): void {
    this.#stop();
    this.#live.dropAll();
    void this.#live.close();
  }
}
