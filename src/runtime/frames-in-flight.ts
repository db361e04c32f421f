import { fullBox } from '../graph/box.ts';
import { tensorShapes } from '../graph/shapes.ts';
import type { CompiledPlan } from '../planner/compiled-plan.ts';
import type { Plan } from '../planner/plan.ts';
import { AbortGroup } from './abort-group.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { PeerId } from '../shared/ids.ts';
import { BoxAssembly } from './assembly.ts';

export interface TileReport {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly peer: PeerId;
  /** From the first announced byte of input to the last; computing in the engine. */
  readonly receiveMs: number;
  readonly computeMs: number;
}

export interface FrameResult {
  readonly frame: number;
  /** The one that computed it, which may not be the session's last: `lanes` and `tiles` are in its terms. */
  readonly plan: Plan;
  /** The lane that the frame took in every segment. */
  readonly lanes: readonly number[];
  /** One buffer per graph output, whole, in the graph's order. */
  readonly outputs: readonly Float32Array[];
  /** End to end: from the encoded input here to the assembled output here. Waiting for admission is not part of it. */
  readonly latencyMs: number;
  /** In plan order; tiles that had nothing to do are missing. */
  readonly tiles: readonly TileReport[];
}

/** One frame that was admitted and has neither a result nor an error yet. */
export interface FrameEntry {
  readonly frame: number;
  readonly lanes: readonly number[];
  readonly outputs: readonly BoxAssembly[];
  readonly sending: AbortGroup;
  readonly startedAt: number;
  readonly result: Promise<FrameResult>;
  outputArrived(now: number): void;
  reported(): void;
  fail(error: PeerceptronError): void;
}

export interface TileRef {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
  readonly peer: PeerId;
}

/** The frames of one epoch at the requester: assembly of outputs, reports of tiles. */
export class FramesInFlight {
  readonly #compiled: CompiledPlan;
  readonly #entries = new Map<number, FrameEntry>();
  readonly #reports = new Map<number, Map<string, TileReport>>();
  readonly #doneMs = new Map<number, Map<string, number>>();

  constructor(compiled: CompiledPlan) {
    this.#compiled = compiled;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(frame: number): FrameEntry | undefined {
    return this.#entries.get(frame);
  }

  inFlight(): FrameEntry[] {
    return [...this.#entries.values()];
  }

  start(
    frame: number,
    lanes: readonly number[],
    startedAt: number,
    onFailure: (cause: PeerceptronError) => void,
  ): FrameEntry {
    const { graph } = this.#compiled;
    const shapes = tensorShapes(graph);
    const outputs = graph.outputs.map(
      (id, output) => new BoxAssembly(fullBox(shapes.get(id)!), this.#compiled.outputPieces(lanes, output)),
    );
    let resolve!: (result: FrameResult) => void;
    let reject!: (error: PeerceptronError) => void;
    const result = new Promise<FrameResult>((accept, refuse) => {
      resolve = accept;
      reject = refuse;
    });
    const sending = new AbortGroup();
    const reports = new Map<string, TileReport>();
    this.#reports.set(frame, reports);
    this.#doneMs.set(frame, new Map());
    let latencyMs: number | undefined;
    const settle = (finish: () => void): void => {
      if (!this.#entries.delete(frame)) return;
      this.#reports.delete(frame);
      this.#doneMs.delete(frame);
      finish();
    };
    const succeed = (): void =>
      settle(() => {
        const tiles = this.#tiles(lanes).flatMap((tile) => reports.get(tileKey(tile)) ?? []);
        const { plan } = this.#compiled;
        const buffers = outputs.map(({ buffer }) => buffer);
        resolve({ frame, plan, lanes, outputs: buffers, latencyMs: latencyMs!, tiles });
      });
    const entry: FrameEntry = {
      frame,
      lanes,
      outputs,
      sending,
      startedAt,
      result,
      outputArrived: (now) => {
        if (!outputs.every((output) => output.complete)) return;
        latencyMs ??= now - startedAt;
        entry.reported();
      },
      reported: () => {
        // Reports come over other links and may be a moment behind the result.
        if (latencyMs !== undefined && this.missingTiles(entry).length === 0) succeed();
      },
      fail: (error) => {
        if (latencyMs !== undefined) {
          succeed();
          return;
        }
        settle(() => {
          sending.abort();
          onFailure(error);
          reject(error);
        });
      },
    };
    this.#entries.set(frame, entry);
    return entry;
  }

  /** The report with its lane, where the frame is in flight and the tile is that peer's. */
  tileDone(
    frame: number,
    { atMs, ...report }: Omit<TileReport, 'lane'> & { readonly atMs: number },
  ): TileReport | undefined {
    const entry = this.#entries.get(frame);
    const lane = entry?.lanes[report.segment];
    if (!entry || lane === undefined) return undefined;
    const tile = this.#compiled.plan.segments[report.segment]!.lanes[lane]!.tiles[report.tile];
    if (tile?.peer !== report.peer) return undefined;
    const full = { ...report, lane };
    this.#reports.get(frame)!.set(tileKey(report), full);
    this.#doneMs.get(frame)!.set(tileKey(report), atMs);
    entry.reported();
    return full;
  }

  /** When a tile of a frame in flight was reported done, clock milliseconds. */
  doneMs(frame: number, segment: number, tile: number): number | undefined {
    return this.#doneMs.get(frame)?.get(tileKey({ segment, tile }));
  }

  /** Tiles with work to do in this frame that have not reported. */
  missingTiles(entry: FrameEntry): TileRef[] {
    const reports = this.#reports.get(entry.frame);
    return this.#tiles(entry.lanes).filter((tile) => !reports?.has(tileKey(tile)));
  }

  /** How many frames in flight take this lane, and have not passed it yet as far as is known. */
  waiting(segment: number, lane: number): number {
    let count = 0;
    for (const entry of this.#entries.values()) {
      if (entry.lanes[segment] !== lane) continue;
      if (this.missingTiles(entry).some((tile) => tile.segment === segment)) count += 1;
    }
    return count;
  }

  failAll(error: PeerceptronError): void {
    for (const entry of this.inFlight()) entry.fail(error);
  }

  #tiles(lanes: readonly number[]): TileRef[] {
    return this.#compiled.plan.segments.flatMap((segment, index) =>
      segment.lanes[lanes[index]!]!.tiles.flatMap(({ peer }, tile) => {
        const ref = { segment: index, lane: lanes[index]!, tile, peer };
        return this.#compiled.program(index, ref.lane, tile).steps.length > 0 ? [ref] : [];
      }),
    );
  }
}

export const frameDropped = (signal: AbortSignal | undefined): PeerceptronError =>
  new PeerceptronError('FRAME_DROPPED', 'the frame was dropped at the wish of the program that started it', {
    cause: signal?.reason,
  });

const tileKey = ({ segment, tile }: { readonly segment: number; readonly tile: number }): string =>
  `${segment}/${tile}`;
