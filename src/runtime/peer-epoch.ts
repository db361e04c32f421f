import type { LoadedTile } from '../engine/engine.ts';
import type { Box } from '../graph/box.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import type { CompiledPlan, TileAddress } from '../planner/compiled-plan.ts';
import { laneFrames } from '../planner/lane-dealer.ts';
import type { PieceMeta } from '../protocol/messages.ts';
import { AbortGroup } from './abort-group.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { SpareBuffers } from '../shared/spare-buffers.ts';
import { BoxAssembly, type PiecePlace } from './assembly.ts';
import { checkLanes, checkPiece } from './routes.ts';
import type { PeerTrace } from './trace/peer-trace.ts';

/** One tile of one frame, while its inputs come in. */
export interface PendingTile extends TileAddress {
  readonly frame: number;
  readonly lanes: readonly number[];
  readonly program: TileProgram;
  readonly inputs: readonly BoxAssembly[];
  /** When the first byte of it was announced, clock milliseconds. */
  readonly since: number;
}

/** What a peer holds of one frame: it has a place in the reserved memory as long as anything of it is here. */
interface HeldFrame {
  readonly lanes: readonly number[];
  /** Segments of which it has inputs here, and of how many tiles. */
  readonly open: Map<number, number>;
  /** Inputs that are not complete, by tile. */
  readonly assembling: Map<string, PendingTile>;
  /** Streams that bring them. */
  readonly receiving: AbortGroup;
  /** Complete, and waiting for the engine. */
  readonly complete: Set<PendingTile>;
  /** In the engine. */
  computing: number;
}

const FORGOTTEN_FRAMES_KEPT = 1024;
const SPARE_INPUT_BYTES = 32 * 1024 * 1024;

/**
 * A prepared plan on a serving peer: its loaded tiles, and the inputs of frames in flight. Knows nothing of
 * channels: it says where bytes go and when a tile is complete.
 */
export class PeerEpoch {
  readonly compiled: CompiledPlan;
  readonly requester: PeerId;
  readonly tiles = new Map<string, LoadedTile>();
  /** Where the requester asked for a trace. */
  trace: PeerTrace | undefined;
  /** Of tiles that are computed, for those of the next frames. */
  readonly spareInputs = new SpareBuffers(SPARE_INPUT_BYTES);
  readonly #self: PeerId;
  readonly #window: number;
  /** Lanes with tiles of this peer that have a part of the frames, and how many at a time. */
  readonly #dealt: readonly { readonly segment: number; readonly lane: number; readonly most: number }[];
  readonly #frames = new Map<number, HeldFrame>();
  /** Pieces that came before there was room for their frame. */
  readonly #waiting: (() => void)[] = [];
  readonly #dropped = new Set<number>();

  constructor(compiled: CompiledPlan, self: PeerId, requester: PeerId, window: number) {
    this.compiled = compiled;
    this.requester = requester;
    this.#self = self;
    this.#window = window;
    this.#dealt = compiled.tilesOf(self).flatMap(({ segment, lane }) => {
      const { lanes } = compiled.plan.segments[segment]!;
      return lanes.length > 1 ? [{ segment, lane, most: laneFrames(lanes, lane, window) }] : [];
    });
  }

  get addresses(): readonly TileAddress[] {
    return this.compiled.tilesOf(this.#self);
  }

  static key(address: TileAddress): string {
    return `${address.segment}/${address.lane}/${address.tile}`;
  }

  /**
   * Undefined when a piece of this frame may be announced now; otherwise resolves when it is worth asking again. The memory
   * of the window, and of each lane's part of it, is reserved, and the requester has no more frames in flight than that: what is in the way can
   * only be a frame that it has dropped, and its DROP comes as a control message, which no stream holds up.
   * @throws STREAM_CANCELLED (the frame was dropped), PROTOCOL_MALFORMED (its pieces disagree on its lanes)
   */
  room({ frame, lanes, segment }: Pick<PieceMeta, 'frame' | 'lanes' | 'segment'>): Promise<void> | undefined {
    this.#checkWanted(frame);
    const held = this.#frames.get(frame);
    if (held && !(held.lanes.length === lanes.length && held.lanes.every((lane, at) => lane === lanes[at])))
      throw new PeerceptronError('PROTOCOL_MALFORMED', `frame ${frame} came with two choices of lanes`);
    const isThere = held?.open.has(segment) ?? false;
    if (isThere || ((held || this.#frames.size < this.#window) && this.#hasRoomOn(segment, lanes[segment])))
      return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Checks an announced piece against the plan and opens its place.
   * @throws PROTOCOL_MALFORMED, PROTOCOL_ORDER, STREAM_CANCELLED (the frame was dropped)
   */
  announce(
    meta: PieceMeta,
    sender: PeerId,
    totalBytes: number,
    now: number,
  ): { place: PiecePlace; signal: AbortSignal; arrived: () => PendingTile | undefined } {
    checkLanes(this.compiled, meta.lanes);
    const pieces = this.compiled.inputPieces(meta.lanes, meta.segment, meta.tile, meta.input);
    this.#checkTile(meta);
    checkPiece(this.compiled, pieces, meta, sender, this.requester, totalBytes);
    this.#checkWanted(meta.frame);
    const { pending, receiving } = this.#pending(meta, now);
    const assembly = pending.inputs[meta.input]!;
    return {
      place: assembly.place(meta.piece, meta.codec),
      signal: receiving.signal(),
      arrived: () => {
        assembly.arrived(meta.piece);
        return this.#completed(pending);
      },
    };
  }

  /** The same for a piece that another tile on this peer made, from its output buffer, which holds `box`. */
  deliver(meta: PieceMeta, values: Float32Array, box: Box, now: number): PendingTile | undefined {
    if (this.#dropped.has(meta.frame)) return undefined;
    const { pending } = this.#pending(meta, now);
    pending.inputs[meta.input]!.copy(meta.piece, values, box);
    return this.#completed(pending);
  }

  /** The engine gets this tile; false when the frame was dropped. `ended` has to follow. */
  begin(pending: PendingTile): boolean {
    const held = this.#frames.get(pending.frame);
    if (!held?.complete.delete(pending)) return false;
    held.computing += 1;
    return true;
  }

  /** The engine is done with this tile, and its outputs are handed on: its inputs are free. */
  ended(pending: PendingTile): void {
    const held = this.#frames.get(pending.frame);
    if (!held) return;
    held.computing -= 1;
    this.#close(held, pending.segment);
    this.#releaseIfEmpty(pending.frame, held);
    this.#wake();
  }

  /**
   * Whether somebody waits for news of this tile: this peer computes nothing of the frame behind it, or its lane may have the next frame.
   */
  isNews({ segment, tile, lanes }: PendingTile): boolean {
    if (this.compiled.plan.segments[segment]!.lanes.length > 1) return true;
    return !this.addresses.some(
      (other) =>
        other.lane === lanes[other.segment] &&
        (other.segment > segment || (other.segment === segment && other.tile > tile)),
    );
  }

  isDropped(frame: number): boolean {
    return this.#dropped.has(frame);
  }

  drop(frame: number): void {
    const held = this.#frames.get(frame);
    this.#dropped.add(frame);
    for (const pending of held ? [...held.assembling.values(), ...held.complete] : [])
      this.#close(held!, pending.segment);
    held?.assembling.clear();
    held?.complete.clear();
    held?.receiving.abort();
    if (this.#dropped.size > FORGOTTEN_FRAMES_KEPT) {
      this.#dropped.delete(this.#dropped.values().next().value!);
    }
    if (held) this.#releaseIfEmpty(frame, held);
    this.#wake();
  }

  /** Forgets everything; returns its tiles, for whoever knows who else has them. */
  close(): LoadedTile[] {
    const tiles = [...this.tiles.values()];
    this.tiles.clear();
    this.#frames.clear();
    this.spareInputs.clear();
    this.#wake();
    return tiles;
  }

  /** Throws `PROTOCOL_MALFORMED` unless this peer computes the tile that `meta` is for, and it has that input. */
  #checkTile({ lanes, segment, tile, input }: PieceMeta): void {
    const lane = lanes[segment];
    const what = `segment ${segment}, tile ${tile}`;
    if (
      lane === undefined ||
      this.compiled.plan.segments[segment]!.lanes[lane]!.tiles[tile]?.peer !== this.#self
    ) {
      throw new PeerceptronError('PROTOCOL_MALFORMED', `${what} is not computed by this peer`);
    }
    if (input >= this.compiled.program(segment, lane, tile).inputs.length) {
      throw new PeerceptronError('PROTOCOL_MALFORMED', `${what} has no input ${input}`);
    }
  }

  #pending(
    { frame, lanes, segment, tile }: PieceMeta,
    since: number,
  ): { pending: PendingTile; receiving: AbortGroup } {
    let held = this.#frames.get(frame);
    if (!held) {
      held = {
        lanes,
        open: new Map(),
        assembling: new Map(),
        receiving: new AbortGroup(),
        complete: new Set(),
        computing: 0,
      };
      this.#frames.set(frame, held);
    }
    const address = { segment, lane: lanes[segment]!, tile };
    const key = PeerEpoch.key(address);
    let pending = held.assembling.get(key);
    if (!pending) {
      const program = this.compiled.program(segment, address.lane, tile);
      const inputs = program.inputs.map(
        ({ box }, input) =>
          new BoxAssembly(box, this.compiled.inputPieces(lanes, segment, tile, input), this.spareInputs),
      );
      pending = { ...address, frame, lanes, program, inputs, since };
      held.assembling.set(key, pending);
      held.open.set(segment, (held.open.get(segment) ?? 0) + 1);
    }
    return { pending, receiving: held.receiving };
  }

  #hasRoomOn(segment: number, lane: number | undefined): boolean {
    const dealt = this.#dealt.find((each) => each.segment === segment && each.lane === lane);
    if (!dealt) return true;
    let count = 0;
    for (const held of this.#frames.values())
      if (held.open.has(segment) && held.lanes[segment] === lane) count += 1;
    return count < dealt.most;
  }

  /** The inputs of a tile are free. */
  #close({ open }: HeldFrame, segment: number): void {
    const left = open.get(segment)! - 1;
    if (left > 0) open.set(segment, left);
    else open.delete(segment);
  }

  #completed(pending: PendingTile): PendingTile | undefined {
    if (!pending.inputs.every((input) => input.complete)) return undefined;
    const held = this.#frames.get(pending.frame);
    // A dropped frame's last bytes may still arrive.
    if (!held?.assembling.delete(PeerEpoch.key(pending))) return undefined;
    held.complete.add(pending);
    return pending;
  }

  #checkWanted(frame: number): void {
    if (!this.#dropped.has(frame)) return;
    throw new PeerceptronError('STREAM_CANCELLED', `frame ${frame} was dropped by its requester`);
  }

  #releaseIfEmpty(frame: number, { assembling, complete, computing }: HeldFrame): void {
    if (assembling.size > 0 || complete.size > 0 || computing > 0) return;
    this.#frames.delete(frame);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
