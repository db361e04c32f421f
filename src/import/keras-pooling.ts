import type { GlobalPoolOp, Padding, UpsampleOp } from '../graph/op.ts';
import {
  explicitPadding,
  spatialInput,
  unsupported,
  type LayerCall,
  type LayerImport,
} from './keras-layer-call.ts';
import { corrupt, shown } from './json-reader.ts';

export const pooling =
  (rank: number, mode: 'max' | 'avg'): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const twos = new Array<number>(rank).fill(2);
    const poolSize = call.config.integers('pool_size', rank, 1, twos);
    const strides = call.config.integers('strides', rank, 1, poolSize);
    const window = { size: poolSize, strides, dilations: poolSize.map(() => 1) };
    const padding = explicitPadding(call, window, input.shape);
    return call.builder.op(
      call.name,
      mode === 'max'
        ? { kind: 'max-pool', poolSize, strides, padding }
        : { kind: 'avg-pool', poolSize, strides, padding, countPadding: false },
      [input],
      call.config.where,
    );
  };

export const globalPooling =
  (rank: number, mode: GlobalPoolOp['mode']): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const keepDims = call.config.boolean('keepdims', false);
    return call.builder.op(call.name, { kind: 'global-pool', mode, keepDims }, [input], call.config.where);
  };

/** Bilinear by half pixels, as Keras computes it; the layer of TensorFlow.js itself leaves the half pixel out. */
export const upsampling =
  (rank: number): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const twos = new Array<number>(rank).fill(2);
    const factors = call.config.integers('size', rank, 1, twos);
    const interpolation =
      rank === 2 ? call.config.string('interpolation', 'nearest').toLowerCase() : 'nearest';
    if (interpolation !== 'nearest' && interpolation !== 'bilinear') {
      unsupported(
        call,
        `interpolation '${interpolation}' is not supported; supported are nearest and bilinear`,
      );
    }
    const op: UpsampleOp =
      interpolation === 'nearest'
        ? { kind: 'upsample', factors, mode: 'nearest' }
        : { kind: 'upsample', factors, mode: 'linear', coordinates: 'half-pixel' };
    return call.builder.op(call.name, op, [input], call.config.where);
  };

export const zeroPadding =
  (rank: number): LayerImport =>
  (call) => {
    const input = spatialInput(call, rank);
    const padding = [...paddingPairs(call, rank), [0, 0] as const];
    return call.builder.op(call.name, { kind: 'pad', padding, value: 0 }, [input], call.config.where);
  };

/** `1`, `[1, 2]` (before and after for one axis, otherwise one per axis) or `[[1, 2], [3, 4]]`. */
function paddingPairs(call: LayerCall, rank: number): Padding[] {
  const raw = call.config.raw('padding') ?? 1;
  const whole = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const pair = (value: unknown): Padding | undefined => {
    if (whole(value)) return [value, value];
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [before, after] = value as unknown[];
    return whole(before) && whole(after) ? [before, after] : undefined;
  };
  const items: unknown[] =
    Array.isArray(raw) && !(rank === 1 && raw.length === 2) ? raw : new Array<unknown>(rank).fill(raw);
  const pairs = items.map(pair).filter((item) => item !== undefined);
  if (items.length !== rank || pairs.length !== rank) {
    corrupt(
      call.config.where,
      `'padding' should be whole numbers or pairs, one per axis, it is ${shown(raw)}`,
    );
  }
  return pairs;
}
