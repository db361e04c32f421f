import { boxEquals, hull, isEmpty, type Box, type Shape } from './box.ts';
import type { Graph, TensorId } from './graph.ts';
import type { Op, Padding } from './op.ts';
import { definitionOf } from './ops/index.ts';
import { tensorShapes } from './shapes.ts';

export interface TileTensor {
  readonly tensor: TensorId;
  readonly box: Box;
}

/** A slice of a named weight tensor. */
export interface TileWeight {
  readonly name: string;
  readonly box: Box;
}

export interface StepInput {
  /** Which buffer: `inputs` first, then one per step (see `slotBox`); −1 where nothing of the input is needed. */
  readonly slot: number;
  /** What of it, in whole-tensor coordinates; empty where nothing is needed, whatever the slot. */
  readonly region: Box;
  /** What the kernel must imagine around the region: the tensor's own borders. */
  readonly padding: readonly Padding[];
}

export interface StepWeight {
  readonly role: string;
  /** Into `TileProgram.weights`. */
  readonly index: number;
}

export interface TileStep {
  readonly node: TensorId;
  readonly op: Op;
  /** Shapes of the whole input tensors: kernels that need absolute coordinates take them from here. */
  readonly inputShapes: readonly Shape[];
  readonly inputs: readonly StepInput[];
  readonly weights: readonly StepWeight[];
  readonly output: Box;
  readonly reduce?: Box;
}

/** All that an engine needs to compute one tile, and all that the runtime must bring to it. */
export interface TileProgram {
  readonly inputs: readonly TileTensor[];
  readonly weights: readonly TileWeight[];
  readonly steps: readonly TileStep[];
  readonly outputs: readonly (TileTensor & { readonly slot: number })[];
}

/** Equal for programs that compute the same from the same: with the same weights, one loaded tile serves for both. */
export const programKey = (program: TileProgram): string => JSON.stringify(program);

export interface TileRequest {
  /** Half-open, over `graph.nodes`. */
  readonly ops: readonly [start: number, end: number];
  readonly outputs: readonly TileTensor[];
  readonly reduce?: Box;
}

/**
 * Works backwards from the wanted boxes through the segment: which box of every tensor inside it must be computed
 * (overlaps between consumers merge into their hull), which boxes of earlier tensors and of weights that takes.
 * Ops that contribute nothing to the wanted boxes are left out; empty boxes give an empty program.
 */
export function compileTile(graph: Graph, request: TileRequest): TileProgram {
  const shapes = tensorShapes(graph);
  const [start, end] = request.ops;
  const needed = new Map<TensorId, Box>();
  const need = (tensor: TensorId, box: Box): void => {
    if (isEmpty(box)) return;
    const known = needed.get(tensor);
    needed.set(tensor, known ? hull(known, box) : box);
  };
  for (const output of request.outputs) need(output.tensor, output.box);

  const regionsOf = new Map<TensorId, readonly { box: Box; padding: readonly Padding[] }[]>();
  for (let index = end - 1; index >= start; index--) {
    const node = graph.nodes[index]!;
    const wanted = needed.get(node.id);
    if (!wanted) continue;
    const inputShapes = node.inputs.map((id) => shapes.get(id)!);
    const definition = definitionOf(node.op);
    const box = wholeWhereUncut(wanted, shapes.get(node.id)!, definition.tileableAxes(node.op, inputShapes));
    needed.set(node.id, box);
    const reduce = index === end - 1 ? request.reduce : undefined;
    const regions = definition.inputBoxes(node.op, inputShapes, box, reduce);
    regionsOf.set(node.id, regions);
    regions.forEach((region, i) => need(node.inputs[i]!, region.box));
  }

  const produced = new Set(graph.nodes.slice(start, end).map((node) => node.id));
  const outside = graph.nodes
    .slice(start, end)
    .flatMap((node) => node.inputs.filter((id) => !produced.has(id)));
  if (needed.size > 0 && !outside.some((id) => needed.has(id))) {
    // Nothing but constant padding: one element is asked for all the same, because data is what sets a tile going.
    const trigger = outside[0]!;
    needed.set(
      trigger,
      shapes.get(trigger)!.map(() => [0, 1]),
    );
  }
  const inputs: TileTensor[] = [...needed]
    .filter(([tensor]) => !produced.has(tensor))
    .map(([tensor, box]) => ({ tensor, box }))
    .sort((a, b) => (a.tensor < b.tensor ? -1 : 1));
  const slots = new Map(inputs.map(({ tensor }, slot) => [tensor, slot]));

  const weights: TileWeight[] = [];
  const weightIndex = (name: string, box: Box): number => {
    for (let index = 0; index < weights.length; index++) {
      const known = weights[index]!;
      if (known.name === name && boxEquals(known.box, box)) return index;
    }
    return weights.push({ name, box }) - 1;
  };
  const steps: TileStep[] = [];
  for (let index = start; index < end; index++) {
    const node = graph.nodes[index]!;
    const output = needed.get(node.id);
    if (!output) continue;
    const reduce = index === end - 1 ? request.reduce : undefined;
    const inputShapes = node.inputs.map((id) => shapes.get(id)!);
    const definition = definitionOf(node.op);
    steps.push({
      node: node.id,
      op: node.op,
      inputShapes,
      inputs: regionsOf.get(node.id)!.map((region, i) => ({
        // An input of which nothing is needed (a concat branch outside the box) has no buffer.
        slot: slots.get(node.inputs[i]!) ?? -1,
        region: region.box,
        padding: region.padding,
      })),
      weights: definition
        .weightBoxes(node.op, inputShapes, output, reduce)
        .map(({ role, box }) => ({ role, index: weightIndex(node.weights[role]!, box) })),
      output,
      ...(reduce ? { reduce } : {}),
    });
    slots.set(node.id, inputs.length + steps.length - 1);
  }

  return {
    inputs,
    weights,
    steps,
    outputs: request.outputs
      .filter((output) => !isEmpty(output.box))
      .map((output) => ({ tensor: output.tensor, box: output.box, slot: slots.get(output.tensor)! })),
  };
}

/** Kernels compute whole extents along the axes that their op cannot be tiled along; consumers crop what they need. */
function wholeWhereUncut(box: Box, shape: Shape, tileableAxes: readonly number[]): Box {
  return box.map((range, axis) => (tileableAxes.includes(axis) ? range : [0, shape[axis]!]));
}

/** The box that the buffer in `slot` holds. */
export function slotBox(program: TileProgram, slot: number): Box {
  const input = program.inputs[slot];
  return input ? input.box : program.steps[slot - program.inputs.length]!.output;
}
