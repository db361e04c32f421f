import type { Box, Shape } from './box.ts';

/** Elements of padding before and after the data along one axis. */
export type Padding = readonly [before: number, after: number];

export type ActivationFunction =
  | 'relu'
  | 'relu6'
  | 'leaky-relu'
  | 'elu'
  | 'selu'
  | 'sigmoid'
  | 'hard-sigmoid'
  | 'tanh'
  | 'softplus'
  | 'softsign'
  | 'swish'
  | 'gelu'
  | 'exp';

/** Spatial convolution over `[...spatial, inChannels]`; weight `kernel`: `[...kernelSize, inChannels / groups, outChannels]`. No bias: that is an op of its own. */
export interface ConvOp {
  readonly kind: 'conv';
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Explicit, per spatial axis; may be asymmetric. */
  readonly padding: readonly Padding[];
  /** `inChannels` for a depthwise convolution. Output channel `o` reads input group `floor(o / (outChannels / groups))`. */
  readonly groups: number;
  readonly outChannels: number;
}

/** Contracts the whole input, whatever its rank, in row-major order; weight `kernel`: `[...inputShape, units]`. No bias. */
export interface DenseOp {
  readonly kind: 'dense';
  readonly units: number;
}

/** Adds the weight `bias` along the last axis. */
export interface BiasOp {
  readonly kind: 'bias';
}

/** `(x − mean) / √(variance + epsilon) · gamma + beta` along the last axis; weights `mean`, `variance`, and `gamma`, `beta` where the flags say so. */
export interface BatchNormOp {
  readonly kind: 'batch-norm';
  readonly epsilon: number;
  readonly scale: boolean;
  readonly center: boolean;
}

export interface MaxPoolOp {
  readonly kind: 'max-pool';
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  /** Distance of the elements that a window sees, per spatial axis; 1 where absent. */
  readonly dilations?: readonly number[];
  readonly padding: readonly Padding[];
}

export interface AvgPoolOp {
  readonly kind: 'avg-pool';
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  /** Distance of the elements that a window sees, per spatial axis; 1 where absent. */
  readonly dilations?: readonly number[];
  readonly padding: readonly Padding[];
  /** Divide by the whole window (true) or by the elements of it that are not padding (false, as Keras does). */
  readonly countPadding: boolean;
}

/** Over all axes but the last: `[...spatial, c]` → `[c]`, or `[1, …, 1, c]` with `keepDims`. */
export interface GlobalPoolOp {
  readonly kind: 'global-pool';
  readonly mode: 'avg' | 'max';
  readonly keepDims: boolean;
}

/** Element-wise over two or more inputs of equal rank; an axis of extent 1 is broadcast. `subtract` takes exactly two. */
export interface MergeOp {
  readonly kind: 'merge';
  readonly mode: 'add' | 'subtract' | 'multiply' | 'maximum' | 'minimum' | 'average';
}

export interface ConcatOp {
  readonly kind: 'concat';
  readonly axis: number;
}

/** Constant padding, one pair per axis of the tensor (channels included). */
export interface PadOp {
  readonly kind: 'pad';
  readonly padding: readonly Padding[];
  readonly value: number;
}

/** Row-major reinterpretation; a barrier: one tile computes it whole (a flatten before a dense layer is a view instead). */
export interface ReshapeOp {
  readonly kind: 'reshape';
  readonly shape: Shape;
}

/**
 * Element-wise. `hard-sigmoid` is `clip(0.2 x + 0.5, 0, 1)` (Keras 2, tfjs), `gelu` the exact one with erf, `swish` is
 * `x · sigmoid(x)`.
 */
export interface ActivationOp {
  readonly kind: 'activation';
  readonly function: ActivationFunction;
  /** Slope of leaky-relu (required), scale of elu (1 when absent); absent for the others. */
  readonly alpha?: number;
}

/** Whole along `axis` in every tile. */
export interface SoftmaxOp {
  readonly kind: 'softmax';
  readonly axis: number;
}

/**
 * Local response normalisation across channels, as TensorFlow defines it: `x / (bias + alpha · Σ x²) ^ beta`, the sum
 * over the channels at most `radius` away. Caffe and ONNX divide their `alpha` by the size of the window: divide it
 * before it comes here.
 */
export interface LrnOp {
  readonly kind: 'lrn';
  readonly radius: number;
  readonly alpha: number;
  readonly beta: number;
  readonly bias: number;
}

/**
 * Enlarges each spatial axis by a whole factor. `nearest` repeats elements; `linear` interpolates between the two
 * nearest along each axis, and `coordinates` (then required) says where output element `o` lies in the input:
 * `half-pixel` at `(o + ½) / factor − ½` (Keras), `align-corners` at `o · (extent − 1) / (factor · extent − 1)`,
 * `asymmetric` at `o / factor` (TensorFlow.js layers).
 */
export interface UpsampleOp {
  readonly kind: 'upsample';
  readonly factors: readonly number[];
  readonly mode: 'nearest' | 'linear';
  readonly coordinates?: 'half-pixel' | 'align-corners' | 'asymmetric';
}

/** Dropout at inference, or a second name for a tensor. */
export interface IdentityOp {
  readonly kind: 'identity';
}

export type Op =
  | ConvOp
  | DenseOp
  | BiasOp
  | BatchNormOp
  | MaxPoolOp
  | AvgPoolOp
  | GlobalPoolOp
  | MergeOp
  | ConcatOp
  | PadOp
  | ReshapeOp
  | ActivationOp
  | SoftmaxOp
  | LrnOp
  | UpsampleOp
  | IdentityOp;

export type OpKind = Op['kind'];

/** What an output box needs of one input: a box of the real tensor, and the padding left over at its true borders. */
export interface InputRegion {
  readonly box: Box;
  /** One pair per axis of the input; zero except at the tensor's own borders. */
  readonly padding: readonly Padding[];
}

export interface WeightRegion {
  readonly role: string;
  readonly box: Box;
}

export interface WeightShape {
  readonly role: string;
  readonly shape: Shape;
}

export interface Cost {
  /** Multiply-accumulates; for element-wise ops, one per output element. */
  readonly macs: number;
  /** Bytes of activations and weights read, float32. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/**
 * All that planner, verifier and runtime know of an op. `inputs` are the shapes of the whole input tensors; boxes are
 * in the coordinates of whole tensors. `reduce` is a box over `reduceShape` and asks for the partial sum over it.
 */
export interface OpDefinition<O extends Op> {
  readonly kind: O['kind'];
  /** Validates attributes from outside (a file, a peer). Throws `GRAPH_INVALID`, naming the attribute. */
  parse(raw: unknown): O;
  /** Shape inference. Throws `GRAPH_SHAPE` when the inputs do not fit the op. */
  outputShape(op: O, inputs: readonly Shape[]): Shape;
  /** The weights that the op takes, by role, with their whole shapes. */
  weightShapes(op: O, inputs: readonly Shape[]): readonly WeightShape[];
  /** Receptive field, one region per input. An empty output box needs an empty box of every input. */
  inputBoxes(op: O, inputs: readonly Shape[], output: Box, reduce?: Box): readonly InputRegion[];
  weightBoxes(op: O, inputs: readonly Shape[], output: Box, reduce?: Box): readonly WeightRegion[];
  cost(op: O, inputs: readonly Shape[], output: Box, reduce?: Box): Cost;
  /** Axes of the output along which tiles may be cut. */
  tileableAxes(op: O, inputs: readonly Shape[]): readonly number[];
  /**
   * Domain of the contraction that may be split into partial sums: `[inChannels]` for a convolution of one group, the
   * input's shape for a dense layer, empty where the op cannot be reduced.
   */
  reduceShape(op: O, inputs: readonly Shape[]): Shape;
  /** f(x + y) = f(x) + f(y): only such ops may carry `reduce` or parity. */
  readonly linear: boolean;
}
