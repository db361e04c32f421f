import * as v from 'valibot';
import { parseAttributes, shapeSchema } from '../attributes.ts';
import {
  boxSize,
  formatShape,
  fullBox,
  isEmpty,
  shapeSize,
  type Box,
  type Range,
  type Shape,
} from '../box.ts';
import type { InputRegion, OpDefinition, ReshapeOp } from '../op.ts';
import { checkInputCount, costOf, emptyRegion, everyAxis, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({ kind: v.literal('reshape'), shape: shapeSchema });

const solid = (shape: Shape): number[] => shape.filter((extent) => extent !== 1);

/** Whether a reshape only adds or removes axes of extent 1: then boxes map to boxes, and it is no barrier. */
function keepsOrder(from: Shape, to: Shape): boolean {
  const a = solid(from);
  const b = solid(to);
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

function region(op: ReshapeOp, input: Shape, output: Box): InputRegion {
  if (isEmpty(output)) return emptyRegion(input.length);
  if (!keepsOrder(input, op.shape)) return plainRegion(fullBox(input));
  const ranges = output.filter((_, axis) => op.shape[axis] !== 1);
  let next = 0;
  return plainRegion(input.map((extent): Range => (extent === 1 ? [0, 1] : ranges[next++]!)));
}

export const reshape: OpDefinition<ReshapeOp> = {
  kind: 'reshape',
  linear: false,
  parse: (raw) => parseAttributes('reshape', schema, raw),
  outputShape(op, inputs) {
    checkInputCount('reshape', inputs, 1);
    if (shapeSize(inputs[0]!) !== shapeSize(op.shape)) {
      throw shapeError(
        'reshape',
        `${formatShape(inputs[0]!)} and ${formatShape(op.shape)} differ in their number of elements`,
      );
    }
    return op.shape;
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [region(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(isEmpty(output) ? 0 : boxSize(output), [region(op, inputs[0]!, output)], [], output),
  tileableAxes: (op, inputs) => (keepsOrder(inputs[0]!, op.shape) ? everyAxis(op.shape) : []),
  reduceShape: () => [],
};
