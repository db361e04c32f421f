import { fullBox, intersect, isEmpty, type Box } from '../graph/box.ts';
import type { Graph, TensorId } from '../graph/graph.ts';
import { compileTile, type TileProgram } from '../graph/tile-program.ts';
import { tensorShapes } from '../graph/shapes.ts';
import type { PeerId } from '../shared/ids.ts';
import type { Codec } from './codec.ts';
import type { Plan, Tile } from './plan.ts';

/** The requester, as a producer of the graph's inputs. */
export const REQUESTER = -1;

/** One piece of a box that is assembled: who makes it, which region, and how it goes in. */
export interface Piece {
  /** Producing segment, or `REQUESTER`. */
  readonly segment: number;
  /** Producing tile within the lane that the frame takes there; 0 for the requester. */
  readonly tile: number;
  readonly region: Box;
  /** `add`: a partial sum. Partials are added in the order of this list, not in order of arrival. */
  readonly combine: 'copy' | 'add';
  /** How it travels, if it has to. */
  readonly codec: Codec;
}

/** Where a tile's output goes: the other end of a `Piece`. */
export interface Delivery {
  /** Consuming segment; the number of segments means the requester. */
  readonly segment: number;
  readonly tile: number;
  /** Index into the consumer's program inputs (for the requester: into `graph.outputs`). */
  readonly input: number;
  /** Index into that input's list of pieces. */
  readonly piece: number;
  readonly tensor: TensorId;
  readonly region: Box;
  readonly codec: Codec;
}

/**
 * A plan with everything that follows from it: tile programs and transfers. Transfers are derived, never written by
 * hand: what a tile needs of a tensor, intersected with what every producer of that tensor makes. A frame's `lanes`
 * (one index per segment) choose among replicas.
 */
export interface CompiledPlan {
  readonly graph: Graph;
  readonly plan: Plan;
  tile(segment: number, lane: number, tile: number): Tile;
  program(segment: number, lane: number, tile: number): TileProgram;
  /** The pieces of one input of a tile, producers in order of segment and tile. Empty regions are left out. */
  inputPieces(lanes: readonly number[], segment: number, tile: number, input: number): readonly Piece[];
  /** The pieces of one graph output, for the requester. */
  outputPieces(lanes: readonly number[], output: number): readonly Piece[];
  /** Everything that leaves a tile (`segment` = `REQUESTER`, `tile` = 0: everything that leaves the requester). */
  deliveries(lanes: readonly number[], segment: number, tile: number): readonly Delivery[];
  /** The tiles that a peer computes, over all segments and lanes. */
  tilesOf(peer: PeerId): readonly TileAddress[];
  readonly peers: readonly PeerId[];
}

export interface TileAddress {
  readonly segment: number;
  readonly lane: number;
  readonly tile: number;
}

/** The plan must have passed `verifyPlan`. */
export function compilePlan(graph: Graph, plan: Plan): CompiledPlan {
  const shapes = tensorShapes(graph);
  const producers = new Map<TensorId, number>(graph.inputs.map((input) => [input.id, REQUESTER]));
  for (const [index, segment] of plan.segments.entries()) {
    for (const node of graph.nodes.slice(...segment.ops)) producers.set(node.id, index);
  }

  const programs = new Map<string, TileProgram>();
  const program = (segment: number, lane: number, tile: number): TileProgram => {
    const key = `${segment}/${lane}/${tile}`;
    let known = programs.get(key);
    if (!known) {
      const { outputs, reduce } = plan.segments[segment]!.lanes[lane]!.tiles[tile]!;
      known = compileTile(graph, {
        ops: plan.segments[segment]!.ops,
        outputs,
        ...(reduce ? { reduce } : {}),
      });
      programs.set(key, known);
    }
    return known;
  };

  const piecesOf = (lanes: readonly number[], tensor: TensorId, box: Box): Piece[] => {
    const segment = producers.get(tensor)!;
    if (segment === REQUESTER) {
      const codec = plan.inputs?.find((input) => input.tensor === tensor)?.codec ?? 'f32';
      return isEmpty(box) ? [] : [{ segment, tile: 0, region: box, combine: 'copy', codec }];
    }
    const tiles = plan.segments[segment]!.lanes[lanes[segment]!]!.tiles;
    const combine = tiles.some((tile) => tile.reduce) ? 'add' : 'copy';
    return tiles.flatMap((producer, tile) => {
      const { box: made, codec = 'f32' } = producer.outputs.find((output) => output.tensor === tensor)!;
      const region = intersect(box, made);
      const idle = producer.reduce !== undefined && isEmpty(producer.reduce);
      return idle || isEmpty(region) ? [] : [{ segment, tile, region, combine, codec } satisfies Piece];
    });
  };

  // Routes depend on the lanes of a frame; there are few combinations, and frames are many.
  const routes = new Map<string, Routes>();
  const routesFor = (lanes: readonly number[]): Routes => {
    const key = lanes.join(',');
    let known = routes.get(key);
    if (!known) {
      known = deriveRoutes(lanes);
      if (routes.size >= 256) routes.clear();
      routes.set(key, known);
    }
    return known;
  };
  const deriveRoutes = (lanes: readonly number[]): Routes => {
    const inputs = new Map<string, readonly Piece[]>();
    const deliveries = new Map<string, Delivery[]>();
    const route = (segment: number, tile: number, input: number, tensor: TensorId, box: Box): void => {
      const pieces = piecesOf(lanes, tensor, box);
      inputs.set(`${segment}/${tile}/${input}`, pieces);
      for (const [index, piece] of pieces.entries()) {
        const from = `${piece.segment}/${piece.tile}`;
        const list = deliveries.get(from) ?? [];
        const { region, codec } = piece;
        list.push({ segment, tile, input, piece: index, tensor, region, codec });
        deliveries.set(from, list);
      }
    };
    for (const [segment, { lanes: choices }] of plan.segments.entries()) {
      const lane = lanes[segment]!;
      for (const tile of choices[lane]!.tiles.keys()) {
        for (const [input, { tensor, box }] of program(segment, lane, tile).inputs.entries()) {
          route(segment, tile, input, tensor, box);
        }
      }
    }
    for (const [output, tensor] of graph.outputs.entries()) {
      route(plan.segments.length, 0, output, tensor, fullBox(shapes.get(tensor)!));
    }
    return { inputs, deliveries };
  };

  const addresses = new Map<PeerId, TileAddress[]>();
  for (const [segment, { lanes }] of plan.segments.entries()) {
    for (const [lane, { tiles }] of lanes.entries()) {
      for (const [tile, { peer }] of tiles.entries()) {
        const list = addresses.get(peer) ?? [];
        list.push({ segment, lane, tile });
        addresses.set(peer, list);
      }
    }
  }

  return {
    graph,
    plan,
    peers: [...addresses.keys()],
    tile: (segment, lane, tile) => plan.segments[segment]!.lanes[lane]!.tiles[tile]!,
    program,
    inputPieces: (lanes, segment, tile, input) =>
      routesFor(lanes).inputs.get(`${segment}/${tile}/${input}`) ?? [],
    outputPieces: (lanes, output) => routesFor(lanes).inputs.get(`${plan.segments.length}/0/${output}`) ?? [],
    deliveries: (lanes, segment, tile) => routesFor(lanes).deliveries.get(`${segment}/${tile}`) ?? [],
    tilesOf: (peer) => addresses.get(peer) ?? [],
  };
}

interface Routes {
  readonly inputs: ReadonlyMap<string, readonly Piece[]>;
  readonly deliveries: ReadonlyMap<string, readonly Delivery[]>;
}
