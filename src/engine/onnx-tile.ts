import { boxEquals, boxShape, boxSize, isEmpty, relativeTo, type Box, type Shape } from '../graph/box.ts';
import { fuseSteps } from '../graph/fusion.ts';
import { slotBox, type TileProgram } from '../graph/tile-program.ts';
import { emitStep } from './onnx-kernels.ts';
import { lifted, OnnxGraph, type OnnxOptions, type Value, type WeightInput } from './onnx-graph.ts';
import type { OnnxFiles } from './onnx-proto.ts';

/** A tile as an ONNX model; the names are those of its inputs and outputs. */
export interface OnnxTile extends OnnxFiles {
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  readonly weights: readonly WeightInput[];
  readonly outputs: readonly { readonly name: string; readonly shape: Shape; readonly length: number }[];
}

/** What was being written when it failed. */
export class StepError extends Error {
  readonly node: string;

  constructor(node: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.node = node;
  }
}

/**
 * The model that computes a tile from its inputs, as they are: channels last. Weights are inputs of the model as well,
 * so that they stay where they are, once for all tiles that have them; or, those of convolutions, constants.
 * @param weights one buffer per entry of `program.weights`.
 * @throws StepError
 */
export function onnxTile(
  program: TileProgram,
  weights: readonly Float32Array[],
  options: OnnxOptions,
): OnnxTile {
  const graph = new OnnxGraph(options);
  const slots = new Map<number, Value>();
  const inputs = program.inputs.map(({ box }, slot) => {
    const value = graph.input(boxShape(box));
    slots.set(slot, value);
    return { name: value.name, shape: value.shape };
  });
  const crop = (slot: number, box: Box): Value | undefined => {
    if (isEmpty(box) || slot < 0) return undefined;
    const value = slots.get(slot)!;
    const held = slotBox(program, slot);
    if (boxEquals(held, box)) return value;
    const begin = relativeTo(box, held).map(([start]) => start);
    return graph.slice(value, lifted(begin, 0), lifted(boxShape(box), 1));
  };
  for (const fused of fuseSteps(program)) {
    const { step, slot } = fused;
    try {
      const sources = step.inputs.map((input) => crop(input.slot, input.region));
      slots.set(slot, emitStep(graph, fused, sources, weights));
    } catch (error) {
      throw new StepError(step.node, error);
    }
  }
  const outputs = program.outputs.map(({ slot, box }) => {
    const value = crop(slot, box)!;
    return { name: graph.output(value), shape: value.shape, length: boxSize(box) };
  });
  return { ...graph.encode('tile'), inputs, weights: graph.weightInputs, outputs };
}
