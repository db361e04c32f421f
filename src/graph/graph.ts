import type { Shape } from './box.ts';
import type { Op } from './op.ts';

/** Names a graph input or an op's output; an op's output has the op's id. */
export type TensorId = string;

/** How a picture becomes this input: `value · scale + offset` per channel on 0…255 data, after resizing to the shape. */
export interface ImageEncoding {
  readonly channels: 'rgb' | 'bgr' | 'gray';
  readonly scale: readonly number[];
  readonly offset: readonly number[];
}

export interface GraphInput {
  readonly id: TensorId;
  readonly shape: Shape;
  readonly image?: ImageEncoding;
}

export interface OpNode {
  readonly id: TensorId;
  readonly op: Op;
  readonly inputs: readonly TensorId[];
  /** Role → name of the weight tensor. */
  readonly weights: Readonly<Record<string, string>>;
}

/** An immutable directed acyclic graph; `nodes` are in topological order. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly GraphInput[];
  readonly nodes: readonly OpNode[];
  readonly outputs: readonly TensorId[];
  /** Class names of the (single) classification output, in index order. */
  readonly labels?: readonly string[];
}
