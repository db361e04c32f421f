import { boxSize, isEmpty, shapeSize, type Box, type Shape } from '../box.ts';
import type { AvgPoolOp, InputRegion, MaxPoolOp, OpDefinition } from '../op.ts';
import {
  checkInputCount,
  costOf,
  emptyRegion,
  everyAxis,
  windowOutputShape,
  windowRegion,
  type SlidingWindow,
} from '../window.ts';

type PoolOp = MaxPoolOp | AvgPoolOp;

export const poolWindow = (op: PoolOp): SlidingWindow => ({
  size: op.poolSize,
  strides: op.strides,
  dilations: op.poolSize.map(() => 1),
  padding: op.padding,
});

function poolInput(op: PoolOp, input: Shape, output: Box): InputRegion {
  return isEmpty(output)
    ? emptyRegion(input.length)
    : windowRegion(poolWindow(op), input, output, output.at(-1)!);
}

/** What maximum and average pools share: each channel on its own, a window over the spatial axes. */
export const pool: Omit<OpDefinition<PoolOp>, 'kind' | 'parse'> = {
  linear: false,
  outputShape(op, inputs) {
    checkInputCount(op.kind, inputs, 1);
    return [...windowOutputShape(op.kind, poolWindow(op), inputs[0]!), inputs[0]!.at(-1)!];
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [poolInput(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(
      isEmpty(output) ? 0 : boxSize(output) * shapeSize(op.poolSize),
      [poolInput(op, inputs[0]!, output)],
      [],
      output,
    ),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
