import * as v from 'valibot';
import { PeerceptronError } from '../../shared/errors.ts';
import { LIMITS, parseAttributes, windowSchema } from '../attributes.ts';
import { boxSize, isEmpty, type Box, type Range, type Shape } from '../box.ts';
import type { InputRegion, OpDefinition, UpsampleOp } from '../op.ts';
import { checkInputCount, costOf, emptyRegion, everyAxis, plainRegion, shapeError } from '../window.ts';

const schema = v.strictObject({
  kind: v.literal('upsample'),
  factors: windowSchema,
  mode: v.picklist(['nearest', 'linear']),
  coordinates: v.exactOptional(v.picklist(['half-pixel', 'align-corners', 'asymmetric'])),
});

/** The two neighbours between which an output element lies along one axis; `weight` is that of `high`. */
export interface UpsampleTap {
  readonly low: number;
  readonly high: number;
  readonly weight: number;
}

/**
 * Where the output element at `place` of a whole tensor comes from.
 * @param extent of the whole input along the axis.
 */
export function upsampleTap(op: UpsampleOp, axis: number, extent: number, place: number): UpsampleTap {
  const factor = op.factors[axis]!;
  if (op.mode === 'nearest') {
    const low = Math.floor(place / factor);
    return { low, high: low, weight: 0 };
  }
  const at = Math.min(extent - 1, Math.max(0, sourceOf(op, factor, extent, place)));
  const low = Math.floor(at);
  // Exactly on an element: its neighbour plays no part and is not asked for.
  return at === low ? { low, high: low, weight: 0 } : { low, high: low + 1, weight: at - low };
}

function sourceOf(op: UpsampleOp, factor: number, extent: number, place: number): number {
  switch (op.coordinates!) {
    case 'half-pixel':
      return (place + 0.5) / factor - 0.5;
    case 'align-corners':
      return extent * factor === 1 ? 0 : (place * (extent - 1)) / (extent * factor - 1);
    case 'asymmetric':
      return place / factor;
  }
}

function region(op: UpsampleOp, input: Shape, output: Box): InputRegion {
  if (isEmpty(output)) return emptyRegion(input.length);
  const spatial = op.factors.map((_, axis): Range => {
    const [start, end] = output[axis]!;
    // Neighbours move one way with the output.
    const first = upsampleTap(op, axis, input[axis]!, start);
    const last = upsampleTap(op, axis, input[axis]!, end - 1);
    return [first.low, last.high + 1];
  });
  return plainRegion([...spatial, output.at(-1)!]);
}

export const upsample: OpDefinition<UpsampleOp> = {
  kind: 'upsample',
  linear: false,
  parse(raw) {
    const op = parseAttributes('upsample', schema, raw);
    const wrong =
      op.mode === 'linear'
        ? op.coordinates === undefined && 'linear upsampling needs them, because frameworks disagree'
        : op.coordinates !== undefined && 'nearest upsampling repeats elements and takes none';
    if (wrong) {
      throw new PeerceptronError('GRAPH_INVALID', `upsample: attribute coordinates: ${wrong}`, {
        details: { kind: 'upsample', attribute: 'coordinates' },
      });
    }
    return op;
  },
  outputShape(op, inputs) {
    checkInputCount('upsample', inputs, 1);
    const input = inputs[0]!;
    const spatialRank = op.factors.length;
    if (input.length !== spatialRank + 1) {
      throw shapeError(
        'upsample',
        `${spatialRank} factors need an input of rank ${spatialRank + 1}, not ${input.length}`,
      );
    }
    const spatial = op.factors.map((factor, axis) => input[axis]! * factor);
    const axis = spatial.findIndex((extent) => extent > LIMITS.extent);
    if (axis >= 0)
      throw shapeError('upsample', `axis ${axis}: ${spatial[axis]} elements are too many`, { axis });
    return [...spatial, input.at(-1)!];
  },
  weightShapes: () => [],
  inputBoxes: (op, inputs, output) => [region(op, inputs[0]!, output)],
  weightBoxes: () => [],
  cost: (op, inputs, output) =>
    costOf(
      isEmpty(output) ? 0 : boxSize(output) * (op.mode === 'linear' ? op.factors.length : 1),
      [region(op, inputs[0]!, output)],
      [],
      output,
    ),
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: () => [],
};
