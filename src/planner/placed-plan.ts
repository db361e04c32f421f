import { fullBox, intersect, isEmpty, type Box } from '../graph/box.ts';
import type { Graph, TensorId } from '../graph/graph.ts';
import { tensorShapes } from '../graph/shapes.ts';
import type { TileTensor } from '../graph/tile-program.ts';
import { encodedBytes, type Codec } from './codec.ts';
import { REQUESTER, type CompiledPlan } from './compiled-plan.ts';
import { programWork, workMs } from './cost-model.ts';
import { REQUESTER_PLACE, type Places } from './places.ts';

/** A tile with what it costs where it runs. */
export interface PlacedTile {
  /** Index into `Places`. */
  readonly place: number;
  /** Of the engine, `tileMs` included. */
  readonly computeMs: number;
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly (TileTensor & { readonly codec?: Codec })[];
  /** A partial sum over nothing: sends nothing. */
  readonly silent?: boolean;
}

export interface PlacedLane {
  readonly share: number;
  readonly tiles: readonly PlacedTile[];
}

export interface PlacedSegment {
  readonly ops: readonly [start: number, end: number];
  readonly lanes: readonly PlacedLane[];
}

/** All that a simulation needs of a plan. */
export interface PlacedPlan {
  readonly graph: Graph;
  readonly segments: readonly PlacedSegment[];
  readonly inputCodecs: ReadonlyMap<TensorId, Codec>;
}

export function placePlan(compiled: CompiledPlan, { places, indexOf }: Places): PlacedPlan {
  const { graph, plan } = compiled;
  const segments = plan.segments.map(({ ops, lanes }, segment) => ({
    ops,
    lanes: lanes.map(({ share, tiles }, lane) => ({
      share,
      tiles: tiles.map((tile, index): PlacedTile => {
        const place = indexOf.get(tile.peer)!;
        const { profile } = places[place]!;
        const program = compiled.program(segment, lane, index);
        const computes = program.steps.length > 0;
        return {
          place,
          computeMs: computes ? profile!.tileMs + workMs(programWork(program), profile!) : 0,
          inputs: program.inputs,
          outputs: tile.outputs,
          ...(tile.reduce && isEmpty(tile.reduce) ? { silent: true } : {}),
        };
      }),
    })),
  }));
  const inputCodecs = new Map((plan.inputs ?? []).map(({ tensor, codec }) => [tensor, codec]));
  return { graph, segments, inputCodecs };
}

/** A piece that goes from one tile of a pair of lanes to another. Tiles count within their lanes. */
export interface Passage {
  readonly fromTile: number;
  readonly toTile: number;
  readonly from: number;
  readonly to: number;
  /** On the wire; as float32 where both ends are one place. */
  readonly sizeBytes: number;
}

/**
 * What passes between two lanes, as `CompiledPlan.deliveries` has it. `segment` is `REQUESTER` for inputs of the graph,
 * the number of segments for its outputs.
 */
export class Passages {
  readonly #plan: PlacedPlan;
  /** Producing segment of each tensor. */
  readonly #producers = new Map<TensorId, number>();
  readonly #sink: PlacedTile;
  readonly #images: ReadonlySet<TensorId>;

  constructor(plan: PlacedPlan) {
    this.#plan = plan;
    const { graph, segments } = plan;
    for (const { id } of graph.inputs) this.#producers.set(id, REQUESTER);
    for (const [index, { ops }] of segments.entries()) {
      for (let op = ops[0]; op < ops[1]; op++) this.#producers.set(graph.nodes[op]!.id, index);
    }
    const shapes = tensorShapes(graph);
    const inputs = graph.outputs.map((tensor) => ({ tensor, box: fullBox(shapes.get(tensor)!) }));
    this.#sink = { place: REQUESTER_PLACE, computeMs: 0, inputs, outputs: [] };
    this.#images = new Set(graph.inputs.filter(({ image }) => image).map(({ id }) => id));
  }

  /** The segments that the tiles of a segment may send to, in order. */
  consumers(producer: number): readonly number[] {
    const { segments } = this.#plan;
    const found: number[] = [];
    for (let segment = Math.max(0, producer + 1); segment <= segments.length; segment++) {
      const lanes = segments[segment]?.lanes ?? [{ tiles: [this.#sink] }];
      const reads = lanes.some(({ tiles }) =>
        tiles.some(({ inputs }) => inputs.some(({ tensor }) => this.#producers.get(tensor) === producer)),
      );
      if (reads) found.push(segment);
    }
    return found;
  }

  between(producer: number, producerLane: number, consumer: number, consumerLane: number): Passage[] {
    const passages: Passage[] = [];
    for (const [toTile, { place: to, inputs }] of this.#tiles(consumer, consumerLane).entries()) {
      for (const { tensor, box } of inputs) {
        if (this.#producers.get(tensor) !== producer) continue;
        if (producer === REQUESTER) {
          if (isEmpty(box)) continue;
          const codec = this.#images.has(tensor) ? 'pixels' : (this.#plan.inputCodecs.get(tensor) ?? 'f32');
          const sizeBytes = encodedBytes(codec, box);
          passages.push({ fromTile: 0, toTile, from: REQUESTER_PLACE, to, sizeBytes });
          continue;
        }
        for (const [fromTile, tile] of this.#tiles(producer, producerLane).entries()) {
          if (tile.silent) continue;
          const { box: made, codec = 'f32' } = outputOf(tile, tensor);
          const region: Box = intersect(box, made);
          if (isEmpty(region)) continue;
          const sizeBytes = encodedBytes(tile.place === to ? 'f32' : codec, region);
          passages.push({ fromTile, toTile, from: tile.place, to, sizeBytes });
        }
      }
    }
    return passages;
  }

  #tiles(segment: number, lane: number): readonly PlacedTile[] {
    return segment === this.#plan.segments.length
      ? [this.#sink]
      : this.#plan.segments[segment]!.lanes[lane]!.tiles;
  }
}

function outputOf({ outputs }: PlacedTile, tensor: TensorId): PlacedTile['outputs'][number] {
  for (const output of outputs) if (output.tensor === tensor) return output;
  throw new Error(`no output ${tensor}`);
}
