import * as v from 'valibot';
import { LIMITS, parseAttributes } from '../attributes.ts';
import { boxSize, isEmpty, type Box, type Shape } from '../box.ts';
import type { InputRegion, LrnOp, OpDefinition } from '../op.ts';
import {
  checkInputCount,
  costOf,
  emptyRegion,
  everyAxis,
  noPaddings,
  windowRange,
  type SlidingWindow,
} from '../window.ts';

const finite = v.pipe(v.number(), v.finite());

const schema = v.strictObject({
  kind: v.literal('lrn'),
  radius: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(LIMITS.window / 2)),
  alpha: v.pipe(finite, v.minValue(0)),
  beta: v.pipe(finite, v.minValue(0)),
  // Of zero and zeros around it nothing could be said.
  bias: v.pipe(finite, v.gtValue(0)),
});

const channelWindow = (op: LrnOp): SlidingWindow => ({
  size: [2 * op.radius + 1],
  strides: [1],
  dilations: [1],
  padding: [[op.radius, op.radius]],
});

/** The box with a halo of channels, and what of the halo lies outside the tensor. */
function region(op: LrnOp, input: Shape, output: Box): InputRegion {
  if (isEmpty(output)) return emptyRegion(input.length);
  const field = windowRange(channelWindow(op), 0, input.at(-1)!, output.at(-1)!);
  return {
    box: [...output.slice(0, -1), field.range],
    padding: [...noPaddings(input.length - 1), field.padding],
  };
}

export const lrn: OpDefinition<LrnOp> = {
  kind: 'lrn',
  linear: false,
  parse: (raw) => parseAttributes('lrn', schema, raw),
  outputShape(_op, inputs) {
    checkInputCount('lrn', inputs, 1);
    return inputs[0]!;
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [region(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(
      isEmpty(output) ? 0 : boxSize(output) * (2 * op.radius + 1),
      [region(op, inputs[0]!, output)],
      [],
      output,
    ),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
