import { formatShape, shapeSize } from '../graph/box.ts';
import type { ActivationOp, MergeOp, SoftmaxOp } from '../graph/op.ts';
import { activationOp } from './keras-activations.ts';
import { convolution, dense, depthwiseConvolution, separableConvolution } from './keras-convolutions.ts';
import {
  checkChannelsLast,
  onlyInput,
  unsupported,
  type LayerCall,
  type LayerImport,
} from './keras-layer-call.ts';
import { globalPooling, pooling, upsampling, zeroPadding } from './keras-pooling.ts';
import { sameShape, type Value } from '../graph/graph-builder.ts';
import { corrupt, shown } from './json-reader.ts';

/** Layers that do nothing at inference. A flattened tensor stays a view. */
const passThrough: LayerImport = (call) => {
  const input = onlyInput(call);
  if (!sameShape(input.shape, input.stored)) return input;
  return call.builder.op(call.name, { kind: 'identity' }, [input], call.config.where);
};

function activated(call: LayerCall, op: ActivationOp | SoftmaxOp | undefined): Value {
  const input = onlyInput(call);
  if (!op) return passThrough(call);
  if (op.kind === 'softmax') return call.builder.op(call.name, op, [input], call.config.where);
  // Element-wise: a view stays one.
  const made = call.builder.op(call.name, op, [{ ...input, shape: input.stored }], call.config.where);
  return { ...made, shape: input.shape, name: `${made.name}/reshape` };
}

const activation: LayerImport = (call) =>
  activated(
    call,
    activationOp(call.config.raw('activation'), onlyInput(call).shape.length, call.config.where),
  );

const relu: LayerImport = (call) => {
  const maximum = call.config.raw('max_value');
  const slope = call.config.number('negative_slope', 0);
  if (call.config.number('threshold', 0) !== 0)
    unsupported(call, `a threshold other than 0 is not supported`);
  if (maximum === undefined) {
    if (slope === 0) return activated(call, { kind: 'activation', function: 'relu' });
    return activated(call, { kind: 'activation', function: 'leaky-relu', alpha: slope });
  }
  if (maximum !== 6 || slope !== 0) {
    unsupported(
      call,
      `'max_value' ${shown(maximum)} is not supported; supported are none, and 6 without a slope`,
    );
  }
  return activated(call, { kind: 'activation', function: 'relu6' });
};

const leakyRelu: LayerImport = (call) => {
  const alpha = call.config.number(call.config.raw('alpha') === undefined ? 'negative_slope' : 'alpha', 0.3);
  return activated(call, { kind: 'activation', function: 'leaky-relu', alpha });
};

const elu: LayerImport = (call) =>
  activated(call, { kind: 'activation', function: 'elu', alpha: call.config.number('alpha', 1) });

/** Keras counts the batch as axis 0, and from the end with negative numbers. */
function tensorAxis(call: LayerCall, rank: number, fallback: number): number {
  const raw = call.config.raw('axis') ?? fallback;
  const list: unknown[] = Array.isArray(raw) ? raw : [raw];
  const [axis] = list;
  if (list.length !== 1 || typeof axis !== 'number' || !Number.isSafeInteger(axis)) {
    return corrupt(call.config.where, `'axis' should be one whole number, it is ${shown(raw)}`);
  }
  const own = axis < 0 ? axis + rank : axis - 1;
  if (own < 0 || own >= rank) {
    corrupt(call.config.where, `axis ${axis} is not one of a tensor of ${rank} axes beside the batch`);
  }
  return own;
}

const softmax: LayerImport = (call) => {
  const rank = onlyInput(call).shape.length;
  return activated(call, { kind: 'softmax', axis: tensorAxis(call, rank, -1) });
};

const batchNormalization: LayerImport = (call) => {
  const input = onlyInput(call);
  const rank = input.shape.length;
  if (tensorAxis(call, rank, -1) !== rank - 1) {
    unsupported(call, 'normalisation along another axis than the last is not supported: use channels last');
  }
  const channels = [input.shape[rank - 1]!];
  const scale = call.config.boolean('scale', true);
  const center = call.config.boolean('center', true);
  const epsilon = call.config.number('epsilon', 1e-3);
  let index = 0;
  const weights: Record<string, string> = {};
  if (scale) weights['gamma'] = call.weight('gamma', index++, channels);
  if (center) weights['beta'] = call.weight('beta', index++, channels);
  weights['mean'] = call.weight('moving_mean', index++, channels);
  weights['variance'] = call.weight('moving_variance', index, channels);
  return call.builder.op(
    call.name,
    { kind: 'batch-norm', epsilon, scale, center },
    [input],
    call.config.where,
    weights,
  );
};

const merge =
  (mode: MergeOp['mode']): LayerImport =>
  (call) => {
    if (call.inputs.length === 0) corrupt(call.config.where, 'it is given no inputs');
    if (call.inputs.length === 1) return passThrough(call);
    const rank = Math.max(...call.inputs.map(({ shape }) => shape.length));
    // Keras puts the missing axes of a smaller tensor right after the batch.
    const inputs = call.inputs.map((value) => {
      const missing = new Array<number>(rank - value.shape.length).fill(1);
      return call.builder.view(
        `${value.name}/expanded`,
        value,
        [...missing, ...value.shape],
        call.config.where,
      );
    });
    return call.builder.op(call.name, { kind: 'merge', mode }, inputs, call.config.where);
  };

const concatenate: LayerImport = (call) => {
  const rank = call.inputs[0]?.shape.length ?? 0;
  if (call.inputs.length === 1) return passThrough(call);
  const axis = tensorAxis(call, rank, -1);
  return call.builder.op(call.name, { kind: 'concat', axis }, call.inputs, call.config.where);
};

const flatten: LayerImport = (call) => {
  const input = onlyInput(call);
  if (input.shape.length > 1) checkChannelsLast(call);
  return call.builder.view(call.name, input, [shapeSize(input.shape)], call.config.where);
};

const reshape: LayerImport = (call) => {
  const input = onlyInput(call);
  const given = call.config.raw('target_shape');
  // TensorFlow.js writes the open extent as null, Keras as -1.
  const raw: unknown[] = Array.isArray(given) ? given.map((item: unknown) => item ?? -1) : [];
  const legal = (item: unknown): item is number =>
    typeof item === 'number' && Number.isSafeInteger(item) && (item >= 1 || item === -1);
  if (raw.length === 0 || !raw.every(legal) || raw.filter((item) => item === -1).length > 1) {
    return corrupt(
      call.config.where,
      `'target_shape' should be whole numbers, at most one of them -1, it is ${shown(given)}`,
    );
  }
  const known = shapeSize(raw.filter((extent) => extent !== -1));
  const rest = shapeSize(input.shape) / known;
  if (!Number.isSafeInteger(rest)) {
    corrupt(call.config.where, `${formatShape(input.shape)} cannot be reshaped to ${formatShape(raw)}`);
  }
  const shape = raw.map((extent) => (extent === -1 ? rest : extent));
  return call.builder.view(call.name, input, shape, call.config.where);
};

/** Layer classes by Keras' names, old ones included. */
const LAYERS: Readonly<Record<string, LayerImport>> = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  DepthwiseConv1D: depthwiseConvolution(1),
  DepthwiseConv2D: depthwiseConvolution(2),
  SeparableConv1D: separableConvolution(1),
  SeparableConv2D: separableConvolution(2),
  Dense: dense,
  MaxPooling1D: pooling(1, 'max'),
  MaxPooling2D: pooling(2, 'max'),
  MaxPooling3D: pooling(3, 'max'),
  AveragePooling1D: pooling(1, 'avg'),
  AveragePooling2D: pooling(2, 'avg'),
  AveragePooling3D: pooling(3, 'avg'),
  GlobalMaxPooling1D: globalPooling(1, 'max'),
  GlobalMaxPooling2D: globalPooling(2, 'max'),
  GlobalMaxPooling3D: globalPooling(3, 'max'),
  GlobalAveragePooling1D: globalPooling(1, 'avg'),
  GlobalAveragePooling2D: globalPooling(2, 'avg'),
  GlobalAveragePooling3D: globalPooling(3, 'avg'),
  UpSampling1D: upsampling(1),
  UpSampling2D: upsampling(2),
  UpSampling3D: upsampling(3),
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  BatchNormalization: batchNormalization,
  Activation: activation,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: elu,
  Softmax: softmax,
  Add: merge('add'),
  Subtract: merge('subtract'),
  Multiply: merge('multiply'),
  Average: merge('average'),
  Maximum: merge('maximum'),
  Minimum: merge('minimum'),
  Concatenate: concatenate,
  Flatten: flatten,
  Reshape: reshape,
  Dropout: passThrough,
  SpatialDropout1D: passThrough,
  SpatialDropout2D: passThrough,
  SpatialDropout3D: passThrough,
  AlphaDropout: passThrough,
  GaussianDropout: passThrough,
  GaussianNoise: passThrough,
  ActivityRegularization: passThrough,
};

export const SUPPORTED_LAYERS: readonly string[] = ['InputLayer', ...Object.keys(LAYERS)];

/** Throws `MODEL_UNSUPPORTED`, naming the layer, for a class without an import. */
export function importLayer(call: LayerCall): Value {
  const layer = Object.hasOwn(LAYERS, call.className) ? LAYERS[call.className] : undefined;
  if (!layer) unsupported(call, `it is not supported; supported layers are: ${SUPPORTED_LAYERS.join(', ')}`);
  return layer(call);
}
