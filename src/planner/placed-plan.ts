import { fullBox, intersect, isEmpty, type Box } from '../graph/box.ts';
import type { Graph, TensorId } from '../graph/graph.ts';
import { tensorShapes } from '../graph/shapes.ts';
import type { TileTensor } from '../graph/tile-program.ts';
import { encodedBytes, type Codec, type WireCodec } from './codec.ts';
import type { CompiledPlan } from './compiled-plan.ts';
import { programWork, workMs } from './cost-model.ts';
import { REQUESTER_PLACE, type Places } from './places.ts';

/** A tile with what it costs where it runs. */
export interface PlacedTile {
  /** Index into `Places`. */
  readonly place: number;
  /** Of the engine, `tileMs` included. */
  readonly computeMs: number;
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly (TileTensor & { readonly codec?: WireCodec })[];
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

/** What passes from one lane to another. */
export interface Passages {
  /** By the tile that sends; those that send nothing have no entry. */
  readonly byTile: readonly (readonly Passage[])[];
  /** Pieces that each tile of the reader gets. */
  readonly counts: readonly number[];
}

type Tiles = readonly PlacedTile[];

/**
 * What passes between lanes, as `CompiledPlan.deliveries` has it; each pair of lanes is looked at once, and drafts of a
 * search share most of theirs.
 */
export class Routes {
  /** The requester, as the one that makes the inputs of the graph, and as the one that reads its outputs. */
  readonly source: Tiles;
  readonly sink: Tiles;
  readonly #known = new Map<Tiles, Map<Tiles, Passages>>();

  constructor({ graph, inputCodecs }: Pick<PlacedPlan, 'graph' | 'inputCodecs'>) {
    const shapes = tensorShapes(graph);
    const place = REQUESTER_PLACE;
    const wholeOf = (tensor: TensorId): TileTensor => ({ tensor, box: fullBox(shapes.get(tensor)!) });
    const outputs = graph.inputs.map(({ id, image }): PlacedTile['outputs'][number] => ({
      ...wholeOf(id),
      codec: image ? 'pixels' : (inputCodecs.get(id) ?? 'f32'),
    }));
    this.source = [{ place, computeMs: 0, inputs: [], outputs }];
    this.sink = [{ place, computeMs: 0, inputs: graph.outputs.map(wholeOf), outputs: [] }];
  }

  between(makers: Tiles, readers: Tiles): Passages {
    let ofMakers = this.#known.get(makers);
    if (!ofMakers) this.#known.set(makers, (ofMakers = new Map<Tiles, Passages>()));
    let passages = ofMakers.get(readers);
    if (!passages) ofMakers.set(readers, (passages = this.#find(makers, readers)));
    return passages;
  }

  #find(makers: Tiles, readers: Tiles): Passages {
    const byTile: Passage[][] = [];
    const counts: number[] = [];
    for (let toTile = 0; toTile < readers.length; toTile++) {
      const { place: to, inputs } = readers[toTile]!;
      for (const { tensor, box } of inputs) {
        for (let fromTile = 0; fromTile < makers.length; fromTile++) {
          const { place: from, outputs, silent } = makers[fromTile]!;
          const made = silent ? undefined : outputOf(outputs, tensor);
          const size = made ? commonSize(box, made.box) : 0;
          if (!made || size === 0) continue;
          const codec = from !== to || makers === this.source ? (made.codec ?? 'f32') : 'f32';
          // Most are plain, and take no box to count.
          const sizeBytes = codec === 'f32' ? 4 * size : encodedBytes(codec, intersect(box, made.box));
          (byTile[fromTile] ??= []).push({ fromTile, toTile, from, to, sizeBytes });
          counts[toTile] = (counts[toTile] ?? 0) + 1;
        }
      }
    }
    return { byTile, counts };
  }
}

function outputOf(
  outputs: PlacedTile['outputs'],
  tensor: TensorId,
): PlacedTile['outputs'][number] | undefined {
  for (const output of outputs) if (output.tensor === tensor) return output;
  return undefined;
}

/** Elements that two boxes have in common. */
function commonSize(a: Box, b: Box): number {
  let size = 1;
  for (let axis = 0; axis < a.length && size > 0; axis++) {
    const [start, end] = a[axis]!;
    const [from, to] = b[axis]!;
    size *= Math.max(0, Math.min(end, to) - Math.max(start, from));
  }
  return size;
}
