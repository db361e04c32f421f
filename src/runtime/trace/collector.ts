import { REQUESTER, type CompiledPlan, type Piece } from '../../planner/compiled-plan.ts';
import type { ControlMessage } from '../../protocol/messages.ts';
import { isPieceStage, PEER_STAGES, type WireSpan } from '../../protocol/trace-span.ts';
import type { Clock } from '../../shared/clock.ts';
import { PeerceptronError } from '../../shared/errors.ts';
import { shortId, type PeerId } from '../../shared/ids.ts';
import type { PeerChannel } from '../../transport/channel.ts';
import { ClockOffset } from './clock-offset.ts';
import { TraceRecorder } from './recorder.ts';
import type { PieceSpan, TileSpan, Trace, TracedTile, TraceSpan } from './trace.ts';

/** Of all devices together; what comes beyond is counted as lost. */
const MAX_SPANS = 400_000;
const MAX_FRAMES = 100_000;
/** So many own spans are moved out of the ring. */
const DRAIN_SPANS = 4096;
/** Questions in a row: the shortest of several round trips is close to the link's own. */
const CLOCK_SAMPLES = 8;
const CLOCK_SAMPLE_EVERY_MS = 1000;
/** A peer that does not answer does not keep the others' spans. */
const COLLECT_TIMEOUT_MS = 10_000;

type TraceMessage = Extract<ControlMessage, { type: 'clock' | 'trace' }>;

interface TracedPeer {
  readonly channel: PeerChannel;
  readonly clock: ClockOffset;
  readonly spans: WireSpan[];
  question: { readonly nonce: number; readonly sentMs: number } | undefined;
  questionsLeft: number;
  askedMs: number;
  lost: number;
  refused: number;
  clockDone: (() => void) | undefined;
  batch: { readonly request: number; readonly done: () => void } | undefined;
}

/** The requester's side of a trace: asks the peers for their clocks and spans, and puts everything on one time axis. */
export class TraceCollector {
  readonly #compiled: CompiledPlan;
  readonly #clock: Clock;
  readonly #self: PeerId;
  readonly #peers = new Map<PeerId, TracedPeer>();
  readonly #lanes = new Map<number, readonly number[]>();
  /** For the pieces that the requester itself sends and takes. */
  readonly recorder: TraceRecorder;
  readonly #ownSpans: WireSpan[] = [];
  readonly #frames: { stage: 'admit' | 'frame'; frame: number; startMs: number; endMs: number }[] = [];
  readonly #originMs: number;
  #ownRefused = 0;
  #nextNonce = 1;
  readonly #lastFrames: number;
  #framesSincePruned = 0;
  /** Frames up to this one are over, and what still comes of them is not lost but unwanted. */
  #forgotten = -1;

  /** `lastFrames`: older ones are forgotten, so that a session of any length can be looked at as it is now. */
  constructor(compiled: CompiledPlan, self: PeerId, clock: Clock, lastFrames = Infinity) {
    this.#lastFrames = lastFrames;
    this.#compiled = compiled;
    this.#self = self;
    this.#clock = clock;
    this.recorder = new TraceRecorder(clock);
    this.#originMs = clock.now();
  }

  /** All peers are ready: learn what their clocks show. */
  begin(channels: ReadonlyMap<PeerId, PeerChannel>): void {
    for (const [peer, channel] of channels) {
      const traced: TracedPeer = {
        channel,
        clock: new ClockOffset(),
        spans: [],
        question: undefined,
        questionsLeft: 0,
        askedMs: 0,
        lost: 0,
        refused: 0,
        clockDone: undefined,
        batch: undefined,
      };
      this.#peers.set(peer, traced);
      this.#ask(traced, CLOCK_SAMPLES);
    }
  }

  /** A frame was admitted: `askedMs` is when `run` was called. */
  frameStarted(frame: number, lanes: readonly number[], askedMs: number, startedMs: number): void {
    if (this.#lanes.size < MAX_FRAMES) this.#lanes.set(frame, lanes);
    this.#prune();
    this.#frame('admit', frame, askedMs, startedMs);
    for (const traced of this.#peers.values()) {
      if (startedMs - traced.askedMs >= CLOCK_SAMPLE_EVERY_MS) this.#ask(traced, 1);
    }
  }

  frameDone(frame: number, startedMs: number, latencyMs: number): void {
    this.#frame('frame', frame, startedMs, startedMs + latencyMs);
    if (this.recorder.pending >= DRAIN_SPANS) this.#takeOwn();
  }

  /** @throws PROTOCOL_MALFORMED for spans that the peer cannot have. */
  onControl(peer: PeerId, message: TraceMessage): void {
    const traced = this.#peers.get(peer);
    if (!traced) return;
    if (message.type === 'clock') {
      this.#answered(traced, message.nonce, message.nowMs);
      return;
    }
    traced.lost = Math.max(traced.lost, message.lost);
    const room = MAX_SPANS / (this.#peers.size + 1) - traced.spans.length;
    for (const [index, span] of message.spans.entries()) {
      if (span[1] <= this.#forgotten) continue;
      if (this.#isOf(peer, span) && index < room) traced.spans.push(span);
      else traced.refused += 1;
    }
    if (traced.batch && message.request === traced.batch.request) traced.batch.done();
  }

  /** A peer is gone: its last spans will not come. */
  lost(peer: PeerId): void {
    const traced = this.#peers.get(peer);
    traced?.clockDone?.();
    traced?.batch?.done();
  }

  /** Asks every peer for its clock once more and for what it still holds. Frames that run meanwhile are in it in part. */
  async collect(): Promise<Trace> {
    const peers = [...this.#peers.values()];
    const everything = peers.map(async (traced) => {
      await new Promise<void>((resolve) => {
        traced.clockDone = resolve;
        this.#ask(traced, CLOCK_SAMPLES);
      });
      await new Promise<void>((done) => {
        const request = this.#nextNonce++;
        traced.batch = { request, done };
        if (!this.#send(traced, 'trace-request', { request })) done();
      });
      traced.batch = undefined;
    });
    let cancel = (): void => undefined;
    await Promise.race([
      Promise.all(everything),
      new Promise<void>((resolve) => (cancel = this.#clock.after(COLLECT_TIMEOUT_MS, resolve))),
    ]);
    cancel();
    return this.#trace();
  }

  /** Walking through all spans costs something, so as many frames again are let pass in between. */
  #prune(): void {
    this.#framesSincePruned += 1;
    if (this.#framesSincePruned <= this.#lastFrames) return;
    this.#framesSincePruned = 0;
    this.#takeOwn();
    // In order of their start.
    const frames = [...this.#lanes.keys()];
    for (const frame of frames.slice(0, Math.max(0, frames.length - this.#lastFrames))) {
      this.#lanes.delete(frame);
      this.#forgotten = Math.max(this.#forgotten, frame);
    }
    const isKept = (span: WireSpan): boolean => this.#lanes.has(span[1]);
    keep(this.#ownSpans, isKept);
    keep(this.#frames, ({ frame }) => this.#lanes.has(frame));
    for (const { spans } of this.#peers.values()) keep(spans, isKept);
  }

  #ask(traced: TracedPeer, questions: number): void {
    traced.questionsLeft = Math.max(traced.questionsLeft, questions);
    if (traced.question) return;
    const nonce = this.#nextNonce++ >>> 0;
    traced.askedMs = this.#clock.now();
    traced.question = { nonce, sentMs: traced.askedMs };
    if (!this.#send(traced, 'clock-request', { nonce })) traced.clockDone?.();
  }

  #answered(traced: TracedPeer, nonce: number, remoteMs: number): void {
    if (traced.question?.nonce !== nonce) return;
    const { sentMs } = traced.question;
    traced.clock.add({ sentMs, receivedMs: this.#clock.now(), remoteMs });
    traced.question = undefined;
    traced.questionsLeft -= 1;
    if (traced.questionsLeft > 0) this.#ask(traced, 1);
    else traced.clockDone?.();
  }

  #send(
    { channel }: TracedPeer,
    ...[type, fields]: ['clock-request', { nonce: number }] | ['trace-request', { request: number }]
  ): boolean {
    const { session, epoch } = this.#compiled.plan;
    try {
      channel.sendControl({ type, session, epoch, ...fields } as ControlMessage);
      return true;
    } catch {
      return false; // its loss is reported to the session
    }
  }

  #frame(stage: 'admit' | 'frame', frame: number, startMs: number, endMs: number): void {
    if (this.#frames.length < 2 * MAX_FRAMES) this.#frames.push({ stage, frame, startMs, endMs });
  }

  #takeOwn(): void {
    const room = MAX_SPANS / (this.#peers.size + 1);
    while (this.recorder.pending > 0) {
      for (const span of this.recorder.take()) {
        if (this.#ownSpans.length < room && this.#lanes.has(span[1])) this.#ownSpans.push(span);
        else if (span[1] > this.#forgotten) this.#ownRefused += 1;
      }
    }
  }

  /** False for a frame that is not known (any more). Throws when the plan gives the span to somebody else, or to nobody. */
  #isOf(peer: PeerId, [stage, frame, segment, tile, input, piece]: WireSpan): boolean {
    const lanes = this.#lanes.get(frame);
    if (!lanes) return false;
    const name = PEER_STAGES[stage]!;
    const owner = isPieceStage(name)
      ? this.#pieceEnds(lanes, segment, tile, input, piece)?.[stage <= 1 ? 'from' : 'to']
      : this.#compiled.plan.segments[segment]?.lanes[lanes[segment]!]?.tiles[tile]?.peer;
    if (owner === peer) return true;
    throw new PeerceptronError(
      'PROTOCOL_MALFORMED',
      `peer ${shortId(peer)} traced '${name}' of segment ${segment}, tile ${tile}, which is not its own`,
    );
  }

  #pieceEnds(lanes: readonly number[], segment: number, tile: number, input: number, index: number) {
    const { plan } = this.#compiled;
    const toRequester = segment === plan.segments.length && tile === 0;
    const to = toRequester ? this.#self : plan.segments[segment]?.lanes[lanes[segment]!]?.tiles[tile]?.peer;
    const pieces: readonly Piece[] = toRequester
      ? this.#compiled.outputPieces(lanes, input)
      : this.#compiled.inputPieces(lanes, segment, tile, input);
    const piece = pieces[index];
    if (!piece || to === undefined) return undefined;
    const { segment: made, tile: maker } = piece;
    const from = made === REQUESTER ? this.#self : this.#compiled.tile(made, lanes[made]!, maker).peer;
    return { from, to, producer: { segment: made, tile: maker } };
  }

  #trace(): Trace {
    this.#takeOwn();
    const origin = this.#originMs;
    const nowMs = this.#clock.now();
    const spans: TraceSpan[] = this.#frames.map(({ startMs, endMs, ...rest }) => {
      return { ...rest, device: this.#self, startMs: startMs - origin, endMs: endMs - origin };
    });
    for (const span of this.#ownSpans) {
      spans.push(this.#named(this.#self, span, span[6] - origin, span[7] - origin));
    }
    const devices = [...this.#peers].map(([peer, { clock, spans: raw, lost, refused }]) => {
      let implausible = 0;
      const slackMs = clock.errorMs;
      for (const span of raw) {
        const startMs = clock.known ? clock.toLocal(span[6]) : Number.NaN;
        const endMs = clock.known ? clock.toLocal(span[7]) : Number.NaN;
        // Neither before the trace began nor in the future, or its clock is not the one that it answered with.
        if (startMs >= origin - slackMs && endMs <= nowMs + slackMs) {
          spans.push(this.#named(peer, span, startMs - origin, endMs - origin));
        } else implausible += 1;
      }
      return {
        peer,
        clockOffsetMs: clock.offsetMs,
        clockErrorMs: clock.errorMs,
        lostSpans: lost + refused + implausible,
      };
    });
    spans.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
    return {
      model: this.#compiled.plan.model,
      requester: this.#self,
      lostSpans: this.recorder.lost + this.#ownRefused,
      devices,
      tiles: this.#tiles(),
      spans,
    };
  }

  #named(device: PeerId, span: WireSpan, startMs: number, endMs: number): PieceSpan | TileSpan {
    const [stage, frame, segment, tile, input, piece, , , sizeBytes] = span;
    const name = PEER_STAGES[stage]!;
    const lanes = this.#lanes.get(frame) ?? [];
    const base = { device, frame, startMs, endMs, segment, tile };
    if (name === 'wait' || name === 'queue' || name === 'compute') {
      return { ...base, stage: name, lane: lanes[segment]! };
    }
    const ends = this.#pieceEnds(lanes, segment, tile, input, piece)!;
    return { ...base, ...ends, stage: name, input, piece, sizeBytes };
  }

  #tiles(): TracedTile[] {
    const { plan, graph } = this.#compiled;
    return plan.segments.flatMap(({ ops, lanes }, segment) =>
      lanes.flatMap(({ tiles }, lane) =>
        tiles.map(({ peer, outputs }, tile) => ({
          peer,
          segment,
          lane,
          tile,
          ops,
          firstOp: graph.nodes[ops[0]]!.id,
          lastOp: graph.nodes[ops[1] - 1]!.id,
          outputs,
        })),
      ),
    );
  }
}

function keep<T>(list: T[], isKept: (item: T) => boolean): void {
  const kept = list.filter(isKept);
  list.length = 0;
  for (const item of kept) list.push(item);
}
