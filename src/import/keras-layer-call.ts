import { formatShape, type Shape } from '../graph/box.ts';
import type { Padding } from '../graph/op.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { activationOp } from './keras-activations.ts';
import type { ChainOp, GraphBuilder, Value } from '../graph/graph-builder.ts';
import { corrupt, type ConfigReader } from './json-reader.ts';

/** One application of a layer to its inputs. */
export interface LayerCall {
  /** Id of the tensor that the layer makes. */
  readonly name: string;
  readonly className: string;
  readonly config: ConfigReader;
  readonly inputs: readonly Value[];
  readonly builder: GraphBuilder;
  /** The graph's name for a weight of the layer: `shape` in the file, `view` as the op wants it. */
  weight(weight: string, index: number, shape: Shape, view?: Shape): string;
}

/** Turns a layer into ops. All supported layers have one output. */
export type LayerImport = (call: LayerCall) => Value;

export function onlyInput(call: LayerCall): Value {
  const [input, ...others] = call.inputs;
  if (!input || others.length > 0) {
    corrupt(call.config.where, `it takes one input, it is given ${call.inputs.length}`);
  }
  return input;
}

/** The input of a layer over `rank` spatial axes and channels. Throws `MODEL_CORRUPT` for another rank. */
export function spatialInput(call: LayerCall, rank: number): Value {
  const input = onlyInput(call);
  if (input.shape.length !== rank + 1) {
    corrupt(
      call.config.where,
      `it takes tensors of ${rank + 1} axes (without the batch), it is given ${formatShape(input.shape)}`,
    );
  }
  checkChannelsLast(call);
  return input;
}

export function unsupported(call: LayerCall, what: string): never {
  throw new PeerceptronError('MODEL_UNSUPPORTED', `${call.config.where}: ${what}`);
}

export function checkChannelsLast(call: LayerCall): void {
  const format = call.config.raw('data_format', 'dim_ordering') ?? 'channels_last';
  if (format === 'channels_first' || format === 'th') {
    unsupported(call, 'channels_first is not supported: export the model with channels last');
  }
  if (format !== 'channels_last' && format !== 'tf' && format !== 'default') {
    corrupt(call.config.where, `'data_format' should be channels_last or channels_first`);
  }
}

export interface Window {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/**
 * Explicit padding for Keras' names. `same` is TensorFlow's rule: ⌈extent / stride⌉ outputs, the odd element of
 * padding at the end.
 */
export function explicitPadding(call: LayerCall, window: Window, spatial: Shape): Padding[] {
  const mode = call.config.string('padding', 'valid').toLowerCase();
  return window.size.map((size, axis): Padding => {
    const span = (size - 1) * window.dilations[axis]! + 1;
    switch (mode) {
      case 'valid':
        return [0, 0];
      case 'causal':
        return [span - 1, 0];
      case 'same': {
        const stride = window.strides[axis]!;
        const outputs = Math.ceil(spatial[axis]! / stride);
        const total = Math.max(0, (outputs - 1) * stride + span - spatial[axis]!);
        return [Math.floor(total / 2), Math.ceil(total / 2)];
      }
      default:
        return corrupt(call.config.where, `'padding' should be valid, same or causal, it is '${mode}'`);
    }
  });
}

/** Bias and activation as a linear layer's configuration asks for them: ops of their own. */
export function tail(call: LayerCall, channels: number, rank: number, biasIndex: number): ChainOp[] {
  const ops: ChainOp[] = [];
  if (call.config.boolean('use_bias', true)) {
    const bias = call.weight('bias', biasIndex, [channels]);
    ops.push({ part: 'bias', op: { kind: 'bias' }, weights: { bias } });
  }
  const activation = activationOp(call.config.raw('activation'), rank, call.config.where);
  if (activation) ops.push({ part: activation.kind, op: activation });
  return ops;
}
