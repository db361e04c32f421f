import { checkSpatialRanks } from '../attributes.ts';
import { boxSize, isEmpty, shapeSize, type Box, type Shape } from '../box.ts';
import type { AvgPoolOp, InputRegion, MaxPoolOp, OpDefinition } from '../op.ts';
import {
  checkInputCount,
  costOf,
  emptyRegion,
  shapeError,
  everyAxis,
  windowOutputShape,
  windowRegion,
  type SlidingWindow,
} from '../window.ts';

type PoolOp = MaxPoolOp | AvgPoolOp;

export const poolWindow = (op: PoolOp): SlidingWindow => ({
  size: op.poolSize,
  strides: op.strides,
  dilations: op.dilations ?? op.poolSize.map(() => 1),
  padding: op.padding,
});

/** Throws `GRAPH_INVALID` unless all attributes of the window have one entry per spatial axis. */
export function checkPoolRanks(op: PoolOp): void {
  const { poolSize, strides, dilations = poolSize, padding } = op;
  checkSpatialRanks(op.kind, { poolSize, strides, dilations, padding });
}

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
    const input = inputs[0]!;
    const spatial = windowOutputShape(op.kind, poolWindow(op), input);
    for (const [axis, dilation] of poolWindow(op).dilations.entries()) {
      if (op.poolSize[axis]! > 1 && dilation > input[axis]!) {
        // The taps of a window could lie on both sides of the data: a maximum over nothing.
        throw shapeError(
          op.kind,
          `axis ${axis}: a dilation of ${dilation} steps over all ${input[axis]} elements`,
          {
            axis,
          },
        );
      }
    }
    return [...spatial, input.at(-1)!];
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
