import * as v from 'valibot';
import { axisSchema, parseAttributes } from '../attributes.ts';
import { boxSize, isEmpty, type Box, type Shape } from '../box.ts';
import type { InputRegion, OpDefinition, SoftmaxOp } from '../op.ts';
import { checkInputCount, costOf, emptyRegion, everyAxis, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({ kind: v.literal('softmax'), axis: axisSchema });

function region(op: SoftmaxOp, input: Shape, output: Box): InputRegion {
  if (isEmpty(output)) return emptyRegion(input.length);
  return plainRegion(output.map((range, axis) => (axis === op.axis ? ([0, input[axis]!] as const) : range)));
}

export const softmax: OpDefinition<SoftmaxOp> = {
  kind: 'softmax',
  linear: false,
  parse: (raw) => parseAttributes('softmax', schema, raw),
  outputShape(op, inputs) {
    checkInputCount('softmax', inputs, 1);
    const input = inputs[0]!;
    if (op.axis >= input.length) {
      throw shapeError('softmax', `axis ${op.axis}: the input has rank ${input.length}`, { axis: op.axis });
    }
    return input;
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [region(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(isEmpty(output) ? 0 : boxSize(output), [region(op, inputs[0]!, output)], [], output),
  tileableAxes: (op, inputs) => everyAxis(inputs[0]!).filter((axis) => axis !== op.axis),
  reduceShape: () => [],
};
