import type { Engine, LoadedTile } from '../../src/engine/engine.ts';
import { boxSize, fullBox, type Box } from '../../src/graph/box.ts';
import { transferRegion } from '../../src/graph/region-copy.ts';
import { tensorShapes } from '../../src/graph/shapes.ts';
import type { TileProgram } from '../../src/graph/tile-program.ts';
import { compilePlan, REQUESTER } from '../../src/planner/compiled-plan.ts';
import { planBuilder } from '../../src/planner/plan-builder.ts';
import { bands, whole } from '../../src/planner/splits.ts';
import { asPeerId, asSessionId } from '../../src/shared/ids.ts';
import type { SoloModel } from '../farm/baselines/solo-model.ts';
import type { Network } from '../overhead/networks.ts';

interface BandTile {
  readonly program: TileProgram;
  readonly tile: LoadedTile;
  readonly segment: number;
  readonly index: number;
  /** To be filled again: an engine on a thread of its own hands them back. */
  inputs: readonly Float32Array[];
}

interface Made {
  readonly tensor: string;
  readonly box: Box;
  readonly values: Float32Array;
}

/**
 * A network of one input and one output, cut behind every pool, each part in so many bands of rows with their halos; one engine
 * computes one tile after the other, and what lies between them is assembled as peers do. What is behind the last pool is one tile.
 */
export async function openBanded(
  { graph, weights }: Network,
  engine: Engine,
  count: number,
): Promise<SoloModel & { close(): Promise<void> }> {
  const peers = Array.from({ length: count }, (_, index) => index);
  const builder = planBuilder(graph);
  for (const { id, op } of graph.nodes) {
    if (op.kind === 'max-pool') builder.segment({ through: id, split: bands({ axis: 'height', peers }) });
  }
  const plan = builder.segment({ split: whole(0) }).plan({
    session: asSessionId('0'.repeat(32)),
    epoch: 1,
    peers: peers.map((index) => asPeerId(index.toString(16).padStart(32, '0'))),
  });
  const compiled = compilePlan(graph, plan);
  const lanes = plan.segments.map(() => 0);
  const tiles: BandTile[] = [];
  for (const [segment, { lanes: [lane] }] of plan.segments.entries()) {
    for (const index of lane!.tiles.keys()) {
      const program = compiled.program(segment, 0, index);
      const slices = await Promise.all(program.weights.map(({ name, box }) => weights.read(name, box)));
      const tile = await engine.load(program, slices);
      tiles.push({ program, tile, segment, index, inputs: emptyInputs(program) });
    }
  } // prettier-ignore
  const source = graph.inputs[0]!;
  const shapes = tensorShapes(graph);

  const predict = async (input: Float32Array): Promise<Float32Array> => {
    const given: Made = { tensor: source.id, box: fullBox(source.shape), values: input };
    const made = new Map<string, readonly Made[]>();
    const take = (segment: number, tile: number, tensor: string): Made =>
      segment === REQUESTER
        ? given
        : made.get(`${segment}/${tile}`)!.find((other) => other.tensor === tensor)!;
    for (const entry of tiles) {
      const { program, tile, segment, index, inputs } = entry;
      for (const [slot, { tensor, box }] of program.inputs.entries()) {
        for (const piece of compiled.inputPieces(lanes, segment, index, slot)) {
          const from = take(piece.segment, piece.tile, tensor);
          transferRegion(from.values, from.box, inputs[slot]!, box, piece.region, piece.combine);
        }
      }
      const { outputs, spentInputs } = await tile.run(inputs);
      entry.inputs = spentInputs ?? emptyInputs(program);
      made.set(`${segment}/${index}`, program.outputs.map(({ tensor, box }, at) => ({ tensor, box, values: outputs[at]! }))); // prettier-ignore
    }
    const output = graph.outputs[0]!;
    const result = new Float32Array(boxSize(fullBox(shapes.get(output)!)));
    for (const piece of compiled.outputPieces(lanes, 0)) {
      const from = take(piece.segment, piece.tile, output);
      transferRegion(
        from.values,
        from.box,
        result,
        fullBox(shapes.get(output)!),
        piece.region,
        piece.combine,
      );
    }
    for (const { tile, segment, index } of tiles) tile.recycle?.(made.get(`${segment}/${index}`)!.map(({ values }) => values)); // prettier-ignore
    return result;
  };
  return {
    predict,
    close: async () => {
      for (const { tile } of tiles) await tile.dispose();
    },
  };
}

const emptyInputs = (program: TileProgram): Float32Array[] =>
  program.inputs.map(({ box }) => new Float32Array(boxSize(box)));
