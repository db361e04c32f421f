import * as v from 'valibot';
import { parseAttributes } from '../attributes.ts';
import { boxSize, isEmpty, type Box, type Shape } from '../box.ts';
import type { GlobalPoolOp, InputRegion, OpDefinition } from '../op.ts';
import { checkInputCount, costOf, emptyRegion, plainRegion, shapeError, withLastAxis } from '../window.ts';

const schema = v.strictObject({
  kind: v.literal('global-pool'),
  mode: v.picklist(['avg', 'max']),
  keepDims: v.boolean(),
});

function region(input: Shape, output: Box): InputRegion {
  return isEmpty(output) ? emptyRegion(input.length) : plainRegion(withLastAxis(input, output.at(-1)!));
}

export const globalPool: OpDefinition<GlobalPoolOp> = {
  kind: 'global-pool',
  linear: false,
  parse: (raw) => parseAttributes('global-pool', schema, raw),
  outputShape(op, inputs) {
    checkInputCount('global-pool', inputs, 1);
    const input = inputs[0]!;
    if (input.length < 2) throw shapeError('global-pool', 'needs at least one axis before the channels');
    const channels = input.at(-1)!;
    return op.keepDims ? [...input.slice(0, -1).map(() => 1), channels] : [channels];
  },
  weightShapes: () => [],
  inputBoxes: (_op, inputs, output) => [region(inputs[0]!, output)],
  weightBoxes: () => [],
  cost(_op, inputs, output) {
    const read = region(inputs[0]!, output);
    return costOf(isEmpty(output) ? 0 : boxSize(read.box), [read], [], output);
  },
  tileableAxes: (op, inputs) => [op.keepDims ? inputs[0]!.length - 1 : 0],
  reduceShape: () => [],
};
