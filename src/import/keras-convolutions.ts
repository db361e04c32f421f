import { shapeSize } from '../graph/box.ts';
import type { ConvOp } from '../graph/op.ts';
import {
  explicitPadding,
  onlyInput,
  spatialInput,
  tail,
  unsupported,
  type LayerCall,
  type LayerImport,
} from './keras-layer-call.ts';
import type { ChainOp, Value } from '../graph/graph-builder.ts';
import { corrupt } from './json-reader.ts';

const ones = (rank: number): number[] => new Array<number>(rank).fill(1);

function convWindow(call: LayerCall, rank: number) {
  return {
    size: call.config.integers('kernel_size', rank, 1),
    strides: call.config.integers('strides', rank, 1, ones(rank)),
    dilations: call.config.integers('dilation_rate', rank, 1, ones(rank)),
  };
}

export const convolution =
  (rank: number): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const window = convWindow(call, rank);
    const outChannels = call.config.integer('filters', 1);
    const groups = call.config.integer('groups', 1, 1);
    const inChannels = input.shape[rank]!;
    if (inChannels % groups !== 0) {
      corrupt(call.config.where, `${groups} groups do not divide ${inChannels} channels`);
    }
    const op: ConvOp = {
      kind: 'conv',
      kernelSize: window.size,
      strides: window.strides,
      dilations: window.dilations,
      padding: explicitPadding(call, window, input.shape),
      groups,
      outChannels,
    };
    const kernel = call.weight('kernel', 0, [...window.size, inChannels / groups, outChannels]);
    return call.builder.chain(
      call.name,
      input,
      [{ part: 'conv', op, weights: { kernel } }, ...tail(call, outChannels, rank + 1, 1)],
      call.config.where,
    );
  };

function depthwisePart(call: LayerCall, rank: number, input: Value): { op: ChainOp; channels: number } {
  const window = convWindow(call, rank);
  const inChannels = input.shape[rank]!;
  const multiplier = call.config.integer('depth_multiplier', 1, 1);
  const channels = inChannels * multiplier;
  const op: ConvOp = {
    kind: 'conv',
    kernelSize: window.size,
    strides: window.strides,
    dilations: window.dilations,
    padding: explicitPadding(call, window, input.shape),
    groups: inChannels,
    outChannels: channels,
  };
  const kernel = call.weight(
    'depthwise_kernel',
    0,
    [...window.size, inChannels, multiplier],
    [...window.size, 1, channels],
  );
  return { op: { part: 'depthwise', op, weights: { kernel } }, channels };
}

export const depthwiseConvolution =
  (rank: number): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const { op, channels } = depthwisePart(call, rank, input);
    return call.builder.chain(
      call.name,
      input,
      [op, ...tail(call, channels, rank + 1, 1)],
      call.config.where,
    );
  };

/** A depthwise convolution, then one of 1×1 over the channels, bias and activation after both. */
export const separableConvolution =
  (rank: number): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const { op, channels } = depthwisePart(call, rank, input);
    const outChannels = call.config.integer('filters', 1);
    const kernel = call.weight('pointwise_kernel', 1, [...ones(rank), channels, outChannels]);
    const pointwise = pointwiseConv(rank, outChannels);
    return call.builder.chain(
      call.name,
      input,
      [
        op,
        { part: 'pointwise', op: pointwise, weights: { kernel } },
        ...tail(call, outChannels, rank + 1, 2),
      ],
      call.config.where,
    );
  };

const pointwiseConv = (rank: number, outChannels: number): ConvOp => ({
  kind: 'conv',
  kernelSize: ones(rank),
  strides: ones(rank),
  dilations: ones(rank),
  padding: ones(rank).map(() => [0, 0] as const),
  groups: 1,
  outChannels,
});

/**
 * On a vector, or a flattened tensor: a dense op over the unflattened tensor, its kernel viewed accordingly. On a
 * tensor of higher rank Keras contracts the last axis only: a 1×1 convolution.
 */
export const dense: LayerImport = (call) => {
  const input = onlyInput(call);
  const units = call.config.integer('units', 1);
  const rank = input.shape.length;
  const where = call.config.where;
  if (rank === 1) {
    const inputs = shapeSize(input.shape);
    const kernel = call.weight('kernel', 0, [inputs, units], [...input.stored, units]);
    const unflattened = { ...input, shape: input.stored };
    return call.builder.chain(
      call.name,
      unflattened,
      [{ part: 'dense', op: { kind: 'dense', units }, weights: { kernel } }, ...tail(call, units, 1, 1)],
      where,
    );
  }
  if (rank > 4) unsupported(call, 'a dense layer over a tensor of more than four axes');
  const channels = input.shape[rank - 1]!;
  const kernel = call.weight('kernel', 0, [channels, units], [...ones(rank - 1), channels, units]);
  return call.builder.chain(
    call.name,
    input,
    [
      { part: 'dense', op: pointwiseConv(rank - 1, units), weights: { kernel } },
      ...tail(call, units, rank, 1),
    ],
    where,
  );
};
