import { asSentence, type ControlMessage } from '../protocol/messages.ts';
import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { SessionId } from '../shared/ids.ts';
import type { ControlOptions, PeerChannel } from '../transport/channel.ts';
import { AbortGroup } from './abort-group.ts';
import { ComputeQueue, type QueuedFrame } from './compute-queue.ts';
import { PeerEpoch, type PendingTile } from './peer-epoch.ts';
import { consumerOf, pieceMeta } from './routes.ts';
import type { RuntimeNode } from './runtime-node.ts';
import { PieceEncoder, sendPiece } from './send-piece.ts';
import type { ServeEvent } from './serve-events.ts';

/**
 * The requester waits for the reports of a frame when it has the result. Until a peer has done its last tile of the frame they feed
 * leases, which count in seconds, and share a message.
 */
const REPORT_LINGER_MS = 100;

export interface TileRunnerOptions {
  readonly node: RuntimeNode;
  readonly clock: Clock;
  readonly emit: (event: ServeEvent) => void;
}

/** A session as far as its tiles are concerned. */
export interface RunningSession {
  readonly id: SessionId;
  /** To the requester. */
  readonly channel: PeerChannel;
  /** Cancels what is being sent for a frame, or for all; by epoch and frame. */
  readonly sending: Map<string, AbortGroup>;
}

const keyOf = ({ epoch, frame }: QueuedFrame): string => `${epoch}/${frame}`;

/** Computes tiles whose inputs are complete, and hands their outputs on from peer to peer. */
export class TileRunner {
  readonly #options: TileRunnerOptions;
  readonly #queue = new ComputeQueue();
  #tilesDone = 0;

  constructor(options: TileRunnerOptions) {
    this.#options = options;
  }

  /** Of all sessions, since the start. */
  get tilesDone(): number {
    return this.#tilesDone;
  }

  /** Whether a tile of this session waits for the engine or is in it. */
  isBusy(session: RunningSession): boolean {
    return this.#queue.isBusy(session.id);
  }

  enqueue(session: RunningSession, epoch: PeerEpoch, pending: PendingTile): void {
    const { clock, emit } = this.#options;
    const completeMs = clock.now();
    const receiveMs = completeMs - pending.since;
    const { epoch: number } = epoch.compiled.plan;
    this.#queue.push(session.id, { epoch: number, frame: pending.frame }, async () => {
      const loaded = epoch.tiles.get(PeerEpoch.key(pending));
      if (!loaded || !epoch.begin(pending)) return 0;
      try {
        const { outputs, computeMs, spentInputs } = await loaded.run(
          pending.inputs.map((input) => input.buffer),
        );
        if (spentInputs) epoch.spareInputs.give(spentInputs);
        this.#tilesDone += 1;
        epoch.trace?.computed(pending, { sinceMs: pending.since, completeMs, computeMs });
        const { frame, segment, tile } = pending;
        const done = { session: session.id, frame, segment, tile, computeMs };
        const report = { type: 'tile-done', epoch: number, receiveMs, ...done } as const;
        trySend(session.channel, report, { lingerMs: epoch.isNews(pending) ? 0 : REPORT_LINGER_MS });
        emit({ type: 'tile-done', ...done });
        void this.#handOn(session, epoch, pending, outputs).then((all) => all && loaded.recycle?.(outputs));
        return computeMs;
      } catch (thrown) {
        this.#fail(session, epoch, pending, toPeerceptronError(thrown, 'ENGINE_FAILED'));
        return 0;
      } finally {
        epoch.ended(pending);
      }
    });
  }

  drop(session: RunningSession, dropped: QueuedFrame): void {
    this.#queue.drop(session.id, dropped);
    session.sending.get(keyOf(dropped))?.abort();
    session.sending.delete(keyOf(dropped));
  }

  forget(session: RunningSession): void {
    this.#queue.forget(session.id);
    for (const group of session.sending.values()) group.abort();
  }

  /**
   * Sends every piece of a tile's outputs to whom it is for; sending overlaps the next tile's computing. Resolves when nothing
   * reads them any more: whether all were sent.
   */
  #handOn(
    session: RunningSession,
    epoch: PeerEpoch,
    pending: PendingTile,
    outputs: readonly Float32Array[],
  ): Promise<boolean> {
    const { compiled, requester } = epoch;
    const { node, clock } = this.#options;
    const trace = epoch.trace?.recorder;
    const boxes = pending.program.outputs.map(({ box }) => box);
    const encoders = outputs.map((values, output) => new PieceEncoder(values, boxes[output]!));
    const sent: Promise<boolean>[] = [];
    for (const delivery of compiled.deliveries(pending.lanes, pending.segment, pending.tile)) {
      const output = pending.program.outputs.findIndex(({ tensor }) => tensor === delivery.tensor);
      const meta = pieceMeta(compiled, pending.frame, pending.lanes, delivery);
      const consumer = consumerOf(compiled, pending.lanes, delivery, requester);
      const isResult = delivery.segment === compiled.plan.segments.length;
      if (consumer === node.self && !isResult) {
        const deliver = (): PendingTile | undefined =>
          epoch.deliver(meta, outputs[output]!, boxes[output]!, clock.now());
        const complete = trace ? trace.timed('assemble', meta, deliver) : deliver();
        if (complete) this.enqueue(session, epoch, complete);
        continue;
      }
      const sending = this.#sending(session, { epoch: compiled.plan.epoch, frame: pending.frame });
      const send = async (): Promise<boolean> => {
        try {
          const channel = await node.channel(consumer);
          const encode = (): ReturnType<PieceEncoder['encode']> =>
            encoders[output]!.encode(delivery.codec, delivery.region);
          await sendPiece(channel, meta, encode, { signal: sending.signal(), trace });
          return true;
        } catch (thrown) {
          if (!sending.aborted && !epoch.isDropped(pending.frame))
            this.#fail(session, epoch, pending, toPeerceptronError(thrown, 'LINK_LOST'));
          return false;
        }
      };
      sent.push(send());
    }
    return Promise.all(sent).then((each) => each.every(Boolean));
  }

  #sending(session: RunningSession, frame: QueuedFrame): AbortGroup {
    const key = keyOf(frame);
    let group = session.sending.get(key);
    if (!group) {
      session.sending.set(key, (group = new AbortGroup()));
      // Frames far behind have been sent or dropped; only recent ones can still be cancelled.
      if (session.sending.size > 256) session.sending.delete(session.sending.keys().next().value!);
    }
    return group;
  }

  #fail(session: RunningSession, epoch: PeerEpoch, pending: PendingTile, error: PeerceptronError): void {
    this.#options.emit({ type: 'tile-failed', session: session.id, error });
    trySend(session.channel, {
      type: 'frame-failed',
      session: session.id,
      epoch: epoch.compiled.plan.epoch,
      frame: pending.frame,
      segment: pending.segment,
      tile: pending.tile,
      code: error.code,
      message: asSentence(error.message),
    });
  }
}

/** For messages that no longer matter when the link is gone: its end is handled where it is noticed. */
export function trySend(channel: PeerChannel, message: ControlMessage, options?: ControlOptions): void {
  try {
    channel.sendControl(message, options);
  } catch (error) {
    if (!(error instanceof PeerceptronError)) throw error;
  }
}
