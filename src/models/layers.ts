import type { Shape } from '../graph/box.ts';
import type { GraphBuilder, Value } from '../graph/graph-builder.ts';
import type { Op, Padding } from '../graph/op.ts';
import { windowSpan } from '../graph/window.ts';

/** How a preset is built, where not as published: a smaller one of the same structure for tests and small devices. */
export interface NetworkOptions {
  /** Shape of the input: `[h, w, 3]`, for video `[frames, h, w, 3]`. */
  readonly inputShape?: Shape;
  /** Multiplies the channels of every layer but the last; 1 as published. */
  readonly width?: number;
  readonly classes?: number;
}

/** Channels at a width multiplier: at least one. */
export const scaled = (channels: number, width = 1): number => Math.max(1, Math.round(channels * width));

export const ones = (rank: number): number[] => new Array<number>(rank).fill(1);

/** TensorFlow's `same`: ⌈extent / stride⌉ outputs, the odd element of padding at the end. */
export function samePadding(spatial: Shape, size: readonly number[], strides: readonly number[]): Padding[] {
  return size.map((extent, axis): Padding => {
    const outputs = Math.ceil(spatial[axis]! / strides[axis]!);
    const total = Math.max(0, (outputs - 1) * strides[axis]! + windowSpan(extent, 1) - spatial[axis]!);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
}

export interface ConvLayer {
  readonly channels: number;
  readonly size: readonly number[];
  /** 1 along every axis by default. */
  readonly strides?: readonly number[];
  /** `same` by default. */
  readonly padding?: readonly Padding[] | 'same';
  /** Takes the place of a bias. */
  readonly batchNorm?: string;
  readonly relu?: boolean;
}

const relu: Op = { kind: 'activation', function: 'relu' };

/**
 * A network as its paper lists it: layers with names. Weights are named as Keras does, `<layer>/kernel`, and the tensor
 * that a layer makes has the layer's name.
 */
export class Layers {
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /** Convolution with a bias and a ReLU, or with what the layer says instead. */
  conv(name: string, input: Value, layer: ConvLayer): Value {
    const rank = layer.size.length;
    const strides = layer.strides ?? ones(rank);
    const padding = layer.padding ?? 'same';
    const op: Op = {
      kind: 'conv',
      kernelSize: layer.size,
      strides,
      dilations: ones(rank),
      padding: padding === 'same' ? samePadding(input.shape, layer.size, strides) : padding,
      groups: 1,
      outChannels: layer.channels,
    };
    const weights = { kernel: `${name}/kernel` };
    if (layer.batchNorm !== undefined) {
      return this.batchNorm(layer.batchNorm, this.#op(name, op, input, weights));
    }
    return this.#withBias(name, { part: 'conv', op, weights }, input, layer.relu ?? true);
  }

  /** A depthwise 3×3 convolution and one of 1×1, neither with a bias (a batch norm follows). */
  separable(name: string, input: Value, channels: number): Value {
    const inChannels = input.shape.at(-1)!;
    const size = [3, 3];
    const depthwise: Op = {
      kind: 'conv',
      kernelSize: size,
      strides: ones(2),
      dilations: ones(2),
      padding: samePadding(input.shape, size, ones(2)),
      groups: inChannels,
      outChannels: inChannels,
    };
    const pointwise: Op = {
      ...depthwise,
      kernelSize: ones(2),
      padding: ones(2).map((): Padding => [0, 0]),
      groups: 1,
      outChannels: channels,
    };
    return this.#builder.chain(
      name,
      input,
      [
        { part: 'depthwise', op: depthwise, weights: { kernel: `${name}/depthwise_kernel` } },
        { part: 'pointwise', op: pointwise, weights: { kernel: `${name}/pointwise_kernel` } },
      ],
      name,
    );
  }

  batchNorm(name: string, input: Value): Value {
    return this.#op(name, { kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true }, input, {
      gamma: `${name}/gamma`,
      beta: `${name}/beta`,
      mean: `${name}/moving_mean`,
      variance: `${name}/moving_variance`,
    });
  }

  relu(name: string, input: Value): Value {
    return this.#op(name, relu, input);
  }

  maxPool(
    name: string,
    input: Value,
    size: readonly number[],
    strides: readonly number[],
    padding: readonly Padding[] | 'same' = size.map((): Padding => [0, 0]),
  ): Value {
    return this.#op(
      name,
      {
        kind: 'max-pool',
        poolSize: size,
        strides,
        padding: padding === 'same' ? samePadding(input.shape, size, strides) : padding,
      },
      input,
    );
  }

  globalAverage(name: string, input: Value): Value {
    return this.#op(name, { kind: 'global-pool', mode: 'avg', keepDims: false }, input);
  }

  add(name: string, a: Value, b: Value): Value {
    return this.#builder.op(name, { kind: 'merge', mode: 'add' }, [a, b], name);
  }

  /** Over the input as it is, without a flatten: its kernel is `[...input shape, units]`. */
  dense(name: string, input: Value, units: number): Value {
    const op: Op = { kind: 'dense', units };
    return this.#withBias(name, { part: 'dense', op, weights: { kernel: `${name}/kernel` } }, input, true);
  }

  /** The last layer: a dense one, and the softmax over its classes. */
  classes(name: string, input: Value, count: number): Value {
    return this.#builder.chain(
      name,
      input,
      [
        { part: 'dense', op: { kind: 'dense', units: count }, weights: { kernel: `${name}/kernel` } },
        { part: 'bias', op: { kind: 'bias' }, weights: { bias: `${name}/bias` } },
        { part: 'softmax', op: { kind: 'softmax', axis: 0 } },
      ],
      name,
    );
  }

  #withBias(
    name: string,
    linear: { part: string; op: Op; weights: Readonly<Record<string, string>> },
    input: Value,
    activated: boolean,
  ): Value {
    return this.#builder.chain(
      name,
      input,
      [
        linear,
        { part: 'bias', op: { kind: 'bias' }, weights: { bias: `${name}/bias` } },
        ...(activated ? [{ part: 'relu', op: relu }] : []),
      ],
      name,
    );
  }

  #op(name: string, op: Op, input: Value, weights: Readonly<Record<string, string>> = {}): Value {
    return this.#builder.op(name, op, [input], name, weights);
  }
}
