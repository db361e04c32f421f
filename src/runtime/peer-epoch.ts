import type { LoadedTile } from '../engine/engine.ts';
import type { TileProgram } from '../graph/tile-program.ts';
import type { CompiledPlan, TileAddress } from '../planner/compiled-plan.ts';
import type { PieceMeta } from '../protocol/messages.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { f32ToBytes } from '../protocol/codec.ts';
import { BoxAssembly } from './assembly.ts';
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

const FORGOTTEN_FRAMES_KEPT = 1024;

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
  readonly #self: PeerId;
  readonly #maxFrames: number;
  readonly #frames = new Map<number, Map<string, PendingTile>>();
  readonly #dropped = new Set<number>();

  constructor(compiled: CompiledPlan, self: PeerId, requester: PeerId, window: number) {
    this.compiled = compiled;
    this.requester = requester;
    this.#self = self;
    // A frame may end at the requester while a tile that no longer matters for it is still being fed.
    this.#maxFrames = 2 * window;
  }

  get addresses(): readonly TileAddress[] {
    return this.compiled.tilesOf(this.#self);
  }

  static key(address: TileAddress): string {
    return `${address.segment}/${address.lane}/${address.tile}`;
  }

  /**
   * Checks an announced piece against the plan and opens its place.
   * @throws PROTOCOL_MALFORMED, PROTOCOL_ORDER, PROTOCOL_LIMIT, STREAM_CANCELLED (the frame was dropped)
   */
  announce(
    meta: PieceMeta,
    sender: PeerId,
    totalBytes: number,
    now: number,
  ): { buffer: Uint8Array; arrived: () => PendingTile | undefined } {
    const pending = this.#pending(meta, now);
    const pieces = this.compiled.inputPieces(meta.lanes, meta.segment, meta.tile, meta.input);
    checkPiece(this.compiled, pieces, meta, sender, this.requester, totalBytes);
    const assembly = pending.inputs[meta.input]!;
    return {
      buffer: f32ToBytes(assembly.target(meta.piece)),
      arrived: () => {
        assembly.arrived(meta.piece);
        return this.#completed(pending);
      },
    };
  }

  /** The same for a piece that another tile on this peer made. */
  deliver(meta: PieceMeta, data: Float32Array, now: number): PendingTile | undefined {
    if (this.#dropped.has(meta.frame)) return undefined;
    const pending = this.#pending(meta, now);
    const assembly = pending.inputs[meta.input]!;
    assembly.target(meta.piece).set(data);
    assembly.arrived(meta.piece);
    return this.#completed(pending);
  }

  isDropped(frame: number): boolean {
    return this.#dropped.has(frame);
  }

  drop(frame: number): void {
    this.#frames.delete(frame);
    this.#dropped.add(frame);
    if (this.#dropped.size > FORGOTTEN_FRAMES_KEPT) {
      this.#dropped.delete(this.#dropped.values().next().value!);
    }
  }

  async dispose(): Promise<void> {
    const tiles = [...this.tiles.values()];
    this.tiles.clear();
    this.#frames.clear();
    await Promise.all(tiles.map((tile) => tile.dispose()));
  }

  #pending(meta: PieceMeta, now: number): PendingTile {
    checkLanes(this.compiled, meta.lanes);
    const segment = this.compiled.plan.segments[meta.segment];
    const lane = meta.lanes[meta.segment]!;
    const address = { segment: meta.segment, lane, tile: meta.tile };
    if (segment?.lanes[lane]?.tiles[meta.tile]?.peer !== this.#self) {
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `segment ${meta.segment}, tile ${meta.tile} is not computed by this peer`,
      );
    }
    if (this.#dropped.has(meta.frame)) {
      throw new PeerceptronError('STREAM_CANCELLED', `frame ${meta.frame} was dropped by its requester`);
    }
    const key = PeerEpoch.key(address);
    let tiles = this.#frames.get(meta.frame);
    if (!tiles) {
      if (this.#frames.size >= this.#maxFrames) {
        throw new PeerceptronError(
          'PROTOCOL_LIMIT',
          `frame ${meta.frame} exceeds the window of ${this.#maxFrames / 2} frames that was reserved`,
        );
      }
      this.#frames.set(meta.frame, (tiles = new Map<string, PendingTile>()));
    }
    let pending = tiles.get(key);
    if (!pending) {
      const program = this.compiled.program(meta.segment, lane, meta.tile);
      const inputs = program.inputs.map(
        ({ box }, input) =>
          new BoxAssembly(box, this.compiled.inputPieces(meta.lanes, meta.segment, meta.tile, input)),
      );
      pending = { ...address, frame: meta.frame, lanes: meta.lanes, program, inputs, since: now };
      tiles.set(key, pending);
    }
    if (!pending.inputs[meta.input]) {
      throw new PeerceptronError(
        'PROTOCOL_MALFORMED',
        `segment ${meta.segment}, tile ${meta.tile} has no input ${meta.input}`,
      );
    }
    return pending;
  }

  #completed(pending: PendingTile): PendingTile | undefined {
    if (!pending.inputs.every((input) => input.complete)) return undefined;
    const tiles = this.#frames.get(pending.frame);
    // A dropped frame's last bytes may still arrive.
    if (!tiles) return undefined;
    tiles.delete(PeerEpoch.key(pending));
    if (tiles.size === 0) this.#frames.delete(pending.frame);
    return pending;
  }
}
