import * as v from 'valibot';
import { axisSchema, parseAttributes } from '../attributes.ts';
import { boxSize, formatShape, isEmpty, type Box, type Shape } from '../box.ts';
import type { ConcatOp, InputRegion, OpDefinition } from '../op.ts';
import { costOf, emptyRegion, everyAxis, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({ kind: v.literal('concat'), axis: axisSchema });

function regions(op: ConcatOp, inputs: readonly Shape[], output: Box): InputRegion[] {
  let offset = 0;
  return inputs.map((shape) => {
    const extent = shape[op.axis]!;
    const [start, end] = output[op.axis]!;
    const from = Math.max(0, start - offset);
    const to = Math.min(extent, end - offset);
    offset += extent;
    if (isEmpty(output) || from >= to) return emptyRegion(shape.length);
    return plainRegion(output.map((range, axis) => (axis === op.axis ? ([from, to] as const) : range)));
  });
}

export const concat: OpDefinition<ConcatOp> = {
  kind: 'concat',
  linear: false,
  parse: (raw) => parseAttributes('concat', schema, raw),
  outputShape(op, inputs) {
    const first = inputs[0];
    if (!first) throw shapeError('concat', 'takes one or more inputs');
    if (op.axis >= first.length) {
      throw shapeError('concat', `axis ${op.axis}: the inputs have rank ${first.length}`, { axis: op.axis });
    }
    let total = 0;
    for (const shape of inputs) {
      if (shape.length !== first.length) {
        throw shapeError('concat', `inputs ${formatShape(first)} and ${formatShape(shape)} differ in rank`);
      }
      for (const [axis, extent] of shape.entries()) {
        if (axis !== op.axis && extent !== first[axis]) {
          throw shapeError('concat', `axis ${axis}: extents ${first[axis]} and ${extent} do not match`, {
            axis,
          });
        }
      }
      total += shape[op.axis]!;
    }
    return first.map((extent, axis) => (axis === op.axis ? total : extent));
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => regions(op, inputs, output),
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(isEmpty(output) ? 0 : boxSize(output), regions(op, inputs, output), [], output),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
