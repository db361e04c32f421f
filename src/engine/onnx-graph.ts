import { shapeSize, type Shape } from '../graph/box.ts';
import type { Padding } from '../graph/op.ts';
import {
  encodeModel,
  type OnnxAttribute,
  type OnnxFiles,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './onnx-proto.ts';

export const int = (value: number): OnnxAttribute => ({ type: 'int', value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ type: 'ints', value });
export const float = (value: number): OnnxAttribute => ({ type: 'float', value });

/** Values that a tile keeps, and hands over with every run: a session would copy what is in its model. */
export interface KeptWeight {
  readonly values: Float32Array;
  /** Of `TileProgram.weights`, where these are one of them, and how to get it back as it came. */
  readonly of?: { readonly index: number; readonly restore?: (kept: Float32Array) => Float32Array };
}

/** An input of the model that is a part of a kept weight. */
export interface WeightInput {
  readonly name: string;
  readonly shape: Shape;
  readonly weight: KeptWeight;
  /** Where in the weight it starts. */
  readonly offset: number;
}

/**
 * Order of the axes of a tensor of four: `last` is `[d, h, w, c]`, `first` is `[d, c, h, w]`: frames as a batch.
 * Tensors of more axes are always `last`.
 */
export type Layout = 'last' | 'first';

/** A tensor inside the model, in one layout or both. */
export interface Value {
  /** Channels last, with axes of extent 1 in front where there are less than four. */
  readonly shape: Shape;
  readonly names: { last?: string; first?: string };
}

const FIRST = [0, 3, 1, 2];
const LAST = [0, 2, 3, 1];

/** To four axes at least, by more of `neutral` in front. */
export const lifted = <T>(values: readonly T[], neutral: T): T[] => [
  ...Array<T>(Math.max(0, 4 - values.length)).fill(neutral),
  ...values,
];

/** Entries of a channels-last order, one per axis, in the order of `layout`. */
export const inLayout = <T>(layout: Layout, values: readonly T[]): T[] =>
  layout === 'last' ? [...values] : FIRST.map((axis) => values[axis]!);

/** Where an axis of a channels-last order lies in `layout`. */
export const axisIn = (layout: Layout, axis: number): number =>
  layout === 'last' ? axis : FIRST.indexOf(axis);

export interface OnnxOptions {
  /**
   * Kernels and biases of convolutions as constants of the model, which the runtime packs for its fastest code, instead of as
   * inputs, which stay as they are.
   */
  readonly constantKernels: boolean;
}

/** The model of a tile while it is written. Names are of its own making. */
export class OnnxGraph {
  readonly weightInputs: WeightInput[] = [];
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #constantKernels: boolean;
  #count = 0;

  constructor({ constantKernels }: OnnxOptions) {
    this.#constantKernels = constantKernels;
  }

  /** An input of the tile. */
  input(shape: Shape): Value & { readonly name: string } {
    const name = this.#name();
    const held = lifted(shape, 1);
    this.#inputs.push({ name, shape: held });
    return { name, shape: held, names: { last: name } };
  }

  /** Makes `value` an output, channels last. */
  output(value: Value): string {
    const name = this.#name();
    this.#outputs.push({ name, shape: value.shape });
    const { last, first } = value.names;
    if (last === undefined) this.#emit('Transpose', [first!], { perm: ints(LAST) }, name);
    else this.#emit('Identity', [last], {}, name);
    return name;
  }

  /** A part of `weight`, as an input of this shape. */
  weight(weight: KeptWeight, shape: Shape, offset = 0): string {
    const name = this.#name();
    this.#inputs.push({ name, shape });
    this.weightInputs.push({ name, shape, weight, offset });
    return name;
  }

  /** A part of what a convolution takes: see `OnnxOptions`. */
  kernel(weight: KeptWeight, shape: Shape, offset = 0): string {
    if (!this.#constantKernels) return this.weight(weight, shape, offset);
    return this.#constant(shape, weight.values.subarray(offset, offset + shapeSize(shape)));
  }

  /** The output of an op. */
  emit(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}): string {
    const name = this.#name();
    this.#emit(op, inputs, attributes, name);
    return name;
  }

  floats(values: ArrayLike<number>, shape: Shape): string {
    return this.#constant(shape, Float32Array.from(values));
  }

  integers(values: readonly number[]): string {
    return this.#constant([values.length], BigInt64Array.from(values, BigInt));
  }

  filled(shape: Shape, value: number): Value {
    const held = lifted(shape, 1);
    const scalar = this.floats([value], held.map(() => 1)); // prettier-ignore
    return { shape: held, names: { last: this.emit('Expand', [scalar, this.integers(held)]) } };
  }

  /** The name of the tensor in this layout; asked for again, it is the same. */
  as(layout: Layout, { names }: Value): string {
    const known = names[layout];
    if (known !== undefined) return known;
    const [other, perm] = layout === 'first' ? [names.last!, FIRST] : [names.first!, LAST];
    return (names[layout] = this.emit('Transpose', [other], { perm: ints(perm) }));
  }

  /** As `as`, of as many axes as `shape` has, channels last. */
  reshaped(value: Value, shape: Shape): string {
    return this.emit('Reshape', [this.as('last', value), this.integers(shape)]);
  }

  /** Every `step`-th element of a range per axis of `value`. */
  slice(value: Value, begin: readonly number[], size: readonly number[], steps?: readonly number[]): Value {
    const layout = layoutOf(value);
    const axes = value.shape.flatMap((extent, axis) =>
      begin[axis] === 0 && size[axis] === extent && (steps?.[axis] ?? 1) === 1 ? [] : [axis],
    );
    if (axes.length === 0) return value;
    const lastOf = (axis: number): number => begin[axis]! + (size[axis]! - 1) * (steps?.[axis] ?? 1);
    const name = this.emit('Slice', [
      this.as(layout, value),
      this.integers(axes.map((axis) => begin[axis]!)),
      this.integers(axes.map((axis) => lastOf(axis) + 1)),
      this.integers(axes.map((axis) => axisIn(layout, axis))),
      this.integers(axes.map((axis) => steps?.[axis] ?? 1)),
    ]);
    return { shape: size, names: { [layout]: name } };
  }

  /** Constant padding, one pair per axis of `value`. */
  pad(value: Value, padding: readonly Padding[], constant: number): Value {
    if (padding.every(([before, after]) => before + after === 0)) return value;
    const layout = layoutOf(value);
    const pairs = inLayout(layout, padding);
    const name = this.emit('Pad', [
      this.as(layout, value),
      this.integers([...pairs.map(([before]) => before), ...pairs.map(([, after]) => after)]),
      this.floats([constant], []),
    ]);
    const shape = value.shape.map((extent, axis) => extent + padding[axis]![0] + padding[axis]![1]);
    return { shape, names: { [layout]: name } };
  }

  encode(name: string): OnnxFiles {
    return encodeModel({
      name,
      nodes: this.#nodes,
      tensors: this.#tensors,
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  #emit(op: string, inputs: readonly string[], attributes: OnnxNode['attributes'], output: string): void {
    this.#nodes.push({ op, inputs, output, attributes });
  }

  #constant(shape: Shape, values: Float32Array | BigInt64Array): string {
    if (values.length !== shapeSize(shape)) throw new Error(`${values.length} values for ${shape.join('×')}`);
    const name = this.#name();
    this.#tensors.push({ name, shape, values });
    return name;
  }

  #name(): string {
    return `t${this.#count++}`;
  }
}

/** That in which a tensor is there, without a transposition. */
export const layoutOf = ({ names }: Value): Layout => (names.first === undefined ? 'last' : 'first');
