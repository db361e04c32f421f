import * as v from 'valibot';
import { extentSchema, LIMITS, parseAttributes } from '../attributes.ts';
import { boxSize, fullBox, isEmpty, shapeSize } from '../box.ts';
import type { DenseOp, OpDefinition } from '../op.ts';
import { checkInputCount, costOf, emptyBox, emptyRegion, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({ kind: v.literal('dense'), units: extentSchema });

export const dense: OpDefinition<DenseOp> = {
  kind: 'dense',
  linear: true,
  parse: (raw) => parseAttributes('dense', schema, raw),
  outputShape(op, inputs) {
    checkInputCount('dense', inputs, 1);
    // The kernel has one axis more than the input.
    if (inputs[0]!.length >= LIMITS.rank) {
      throw shapeError(
        'dense',
        `takes an input of rank ${LIMITS.rank - 1} or less, not ${inputs[0]!.length}`,
      );
    }
    return [op.units];
  },
  weightShapes: (op, inputs) => [{ role: 'kernel', shape: [...inputs[0]!, op.units] }],
  inputBoxes(_op, inputs, output, reduce) {
    const input = inputs[0]!;
    if (isEmpty(output) || (reduce && isEmpty(reduce))) return [emptyRegion(input.length)];
    return [plainRegion(reduce ?? fullBox(input))];
  },
  weightBoxes(_op, inputs, output, reduce) {
    const input = inputs[0]!;
    if (isEmpty(output) || (reduce && isEmpty(reduce))) {
      return [{ role: 'kernel', box: emptyBox(input.length + 1) }];
    }
    return [{ role: 'kernel', box: [...(reduce ?? fullBox(input)), output[0]!] }];
  },
  cost(op, inputs, output, reduce) {
    const contraction = reduce ? (isEmpty(reduce) ? 0 : boxSize(reduce)) : shapeSize(inputs[0]!);
    return costOf(
      isEmpty(output) ? 0 : boxSize(output) * contraction,
      dense.inputBoxes(op, inputs, output, reduce),
      dense.weightBoxes(op, inputs, output, reduce),
      output,
    );
  },
  tileableAxes: () => [0],
  reduceShape: (_op, inputs) => inputs[0]!,
};
