import * as v from 'valibot';
import { parseAttributes } from '../attributes.ts';
import { boxSize, formatShape, isEmpty, type Box, type Range, type Shape } from '../box.ts';
import type { InputRegion, MergeOp, OpDefinition } from '../op.ts';
import { costOf, emptyRegion, everyAxis, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({
  kind: v.literal('merge'),
  mode: v.picklist(['add', 'subtract', 'multiply', 'maximum', 'minimum', 'average']),
});

const whole: Range = [0, 1];

function regions(inputs: readonly Shape[], output: Box): InputRegion[] {
  return inputs.map((shape) =>
    isEmpty(output)
      ? emptyRegion(shape.length)
      : plainRegion(shape.map((extent, axis) => (extent === 1 ? whole : output[axis]!))),
  );
}

export const merge: OpDefinition<MergeOp> = {
  kind: 'merge',
  linear: false,
  parse: (raw) => parseAttributes('merge', schema, raw),
  outputShape(op, inputs) {
    if (inputs.length < 2) throw shapeError('merge', `takes two or more inputs, not ${inputs.length}`);
    if (op.mode === 'subtract' && inputs.length !== 2) {
      throw shapeError('merge', `subtract takes exactly two inputs, not ${inputs.length}`);
    }
    const result = [...inputs[0]!];
    for (const shape of inputs.slice(1)) {
      if (shape.length !== result.length) {
        throw shapeError(
          'merge',
          `inputs ${formatShape(inputs[0]!)} and ${formatShape(shape)} differ in rank; reshape one of them`,
        );
      }
      for (const [axis, extent] of shape.entries()) {
        if (result[axis] === 1) result[axis] = extent;
        else if (extent !== 1 && extent !== result[axis]) {
          throw shapeError('merge', `axis ${axis}: extents ${result[axis]} and ${extent} do not match`, {
            axis,
          });
        }
      }
    }
    return result;
  },
  weightShapes: () => [],
  inputBoxes: (_op, inputs, output) => regions(inputs, output),
  weightBoxes: () => [],
  cost: (_op, inputs, output) =>
    costOf(isEmpty(output) ? 0 : boxSize(output), regions(inputs, output), [], output),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
