import * as v from 'valibot';
import { finiteSchema, parseAttributes, tensorPaddingSchema } from '../attributes.ts';
import { boxSize, isEmpty, type Box, type Range, type Shape } from '../box.ts';
import type { InputRegion, OpDefinition, Padding, PadOp } from '../op.ts';
import { checkInputCount, costOf, emptyRegion, everyAxis, shapeError } from '../window.ts';

const schema = v.strictObject({ kind: v.literal('pad'), padding: tensorPaddingSchema, value: finiteSchema });

/** An output box that lies wholly in padding needs nothing: its region is empty, without padding. */
function region(op: PadOp, input: Shape, output: Box): InputRegion {
  const box: Range[] = [];
  const padding: Padding[] = [];
  for (const [axis, extent] of input.entries()) {
    const before = op.padding[axis]![0];
    const [start, end] = output[axis]!;
    const from = Math.max(0, start - before);
    const to = Math.min(extent, end - before);
    if (from >= to) return emptyRegion(input.length);
    box.push([from, to]);
    padding.push([Math.max(0, before - start), Math.max(0, end - before - extent)]);
  }
  return { box, padding };
}

export const pad: OpDefinition<PadOp> = {
  kind: 'pad',
  linear: false,
  parse: (raw) => parseAttributes('pad', schema, raw),
  outputShape(op, inputs) {
    checkInputCount('pad', inputs, 1);
    const input = inputs[0]!;
    if (op.padding.length !== input.length) {
      throw shapeError('pad', `has ${op.padding.length} padding pairs for an input of rank ${input.length}`);
    }
    return input.map((extent, axis) => extent + op.padding[axis]![0] + op.padding[axis]![1]);
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [region(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(isEmpty(output) ? 0 : boxSize(output), [region(op, inputs[0]!, output)], [], output),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
