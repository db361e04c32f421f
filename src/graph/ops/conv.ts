import * as v from 'valibot';
import { PeerceptronError } from '../../shared/errors.ts';
import {
  checkSpatialRanks,
  extentSchema,
  parseAttributes,
  spatialPaddingSchema,
  windowSchema,
} from '../attributes.ts';
import { boxSize, fullBox, isEmpty, length, shapeSize, type Range } from '../box.ts';
import type { ConvOp, OpDefinition } from '../op.ts';
import {
  checkInputCount,
  costOf,
  emptyBox,
  emptyRegion,
  everyAxis,
  shapeError,
  windowOutputShape,
  windowRegion,
  type SlidingWindow,
} from '../window.ts';

const schema = v.strictObject({
  kind: v.literal('conv'),
  kernelSize: windowSchema,
  strides: windowSchema,
  dilations: windowSchema,
  padding: spatialPaddingSchema,
  groups: extentSchema,
  outChannels: extentSchema,
});

export const convWindow = (op: ConvOp): SlidingWindow => ({
  size: op.kernelSize,
  strides: op.strides,
  dilations: op.dilations,
  padding: op.padding,
});

/** Input channels that a range of output channels reads: those of every group that it touches. */
export function convInputChannels(op: ConvOp, inChannels: number, outputChannels: Range): Range {
  const inPerGroup = inChannels / op.groups;
  const outPerGroup = op.outChannels / op.groups;
  return [
    Math.floor(outputChannels[0] / outPerGroup) * inPerGroup,
    Math.ceil(outputChannels[1] / outPerGroup) * inPerGroup,
  ];
}

export const conv: OpDefinition<ConvOp> = {
  kind: 'conv',
  linear: true,
  parse(raw) {
    const op = parseAttributes('conv', schema, raw);
    const { kernelSize, strides, dilations, padding } = op;
    checkSpatialRanks('conv', { kernelSize, strides, dilations, padding });
    if (op.outChannels % op.groups !== 0) {
      throw new PeerceptronError(
        'GRAPH_INVALID',
        `conv: attribute groups: ${op.groups} groups do not divide ${op.outChannels} output channels`,
        { details: { kind: 'conv', attribute: 'groups' } },
      );
    }
    return op;
  },
  outputShape(op, inputs) {
    checkInputCount('conv', inputs, 1);
    const input = inputs[0]!;
    const spatial = windowOutputShape('conv', convWindow(op), input);
    const inChannels = input.at(-1)!;
    if (inChannels % op.groups !== 0) {
      throw shapeError(
        'conv',
        `axis ${input.length - 1}: ${op.groups} groups do not divide ${inChannels} input channels`,
        { axis: input.length - 1 },
      );
    }
    return [...spatial, op.outChannels];
  },
  weightShapes(op, inputs) {
    return [{ role: 'kernel', shape: [...op.kernelSize, inputs[0]!.at(-1)! / op.groups, op.outChannels] }];
  },
  inputBoxes(op, inputs, output, reduce) {
    const input = inputs[0]!;
    if (isEmpty(output) || (reduce && isEmpty(reduce))) return [emptyRegion(input.length)];
    const channels = reduce?.[0] ?? convInputChannels(op, input.at(-1)!, output.at(-1)!);
    return [windowRegion(convWindow(op), input, output, channels)];
  },
  weightBoxes(op, inputs, output, reduce) {
    const spatial = op.kernelSize;
    if (isEmpty(output) || (reduce && isEmpty(reduce))) {
      return [{ role: 'kernel', box: emptyBox(spatial.length + 2) }];
    }
    const channels = reduce?.[0] ?? ([0, inputs[0]!.at(-1)! / op.groups] as const);
    return [{ role: 'kernel', box: [...fullBox(spatial), channels, output.at(-1)!] }];
  },
  cost(op, inputs, output, reduce) {
    const contraction = reduce ? length(reduce[0]!) : inputs[0]!.at(-1)! / op.groups;
    const macs = isEmpty(output) ? 0 : boxSize(output) * shapeSize(op.kernelSize) * contraction;
    return costOf(
      macs,
      conv.inputBoxes(op, inputs, output, reduce),
      conv.weightBoxes(op, inputs, output, reduce),
      output,
    );
  },
  tileableAxes: (_op, inputs) => everyAxis(inputs[0]!),
  reduceShape: (op, inputs) => (op.groups === 1 ? [inputs[0]!.at(-1)!] : []),
};
