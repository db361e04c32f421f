import { shapeSize, type Shape } from '../../src/graph/box.ts';
import type { ActivationFunction, ConvOp, Op, OpKind, Padding } from '../../src/graph/op.ts';
import type { Random } from '../../src/shared/random.ts';
import { between, chance, pick } from './random.ts';

export const ACTIVATION_FUNCTIONS: readonly ActivationFunction[] = [
  'relu',
  'relu6',
  'leaky-relu',
  'elu',
  'selu',
  'sigmoid',
  'hard-sigmoid',
  'tanh',
  'softplus',
  'softsign',
  'swish',
  'gelu',
  'exp',
];

export const spatial = (random: Random, rank: number, low: number, high: number): number[] =>
  Array.from({ length: rank }, () => between(random, low, high));

/** Fewer elements per axis where there are more axes. */
const extents = (random: Random, rank: number): number[] => spatial(random, rank, 1, [14, 9, 5][rank - 1]!);

/** Padding that leaves no window wholly in it: up to what the first window spans, less one. */
const paddings = (random: Random, spans: readonly number[]): Padding[] =>
  spans.map((span) => (chance(random, 0.3) ? [0, 0] : [random.integer(span), random.integer(span)]));

export interface OpDraw {
  readonly op: Op;
  readonly inputs: readonly Shape[];
}

export function drawConv(random: Random, input?: Shape): OpDraw {
  const rank = input ? input.length - 1 : between(random, 1, 3);
  const kernelSize = spatial(random, rank, 1, rank === 3 ? 3 : 4);
  const strides = chance(random, 0.5) ? kernelSize.map(() => 1) : spatial(random, rank, 1, 3);
  const dilations = chance(random, 0.7) ? kernelSize.map(() => 1) : spatial(random, rank, 1, 3);
  const spans = kernelSize.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  let groups = 1;
  let inChannels = input?.at(-1) ?? between(random, 1, 6);
  let outChannels = between(random, 1, 6);
  const flavour = random.next();
  if (flavour < 0.25) {
    // Depthwise, with a multiplier.
    groups = inChannels;
    outChannels = inChannels * between(random, 1, 3);
  } else if (flavour < 0.5) {
    if (input)
      groups = pick(
        random,
        [1, 2, 3, 4, 5, 6].filter((count) => inChannels % count === 0),
      );
    else {
      groups = between(random, 2, 4);
      inChannels = groups * between(random, 1, 3);
    }
    outChannels = groups * between(random, 1, 3);
  }
  const op: ConvOp = {
    kind: 'conv',
    kernelSize,
    strides,
    dilations,
    padding: paddings(random, spans),
    groups,
    outChannels,
  };
  return { op, inputs: [input ?? [...extents(random, rank), inChannels]] };
}

export function drawPool(random: Random, kind: 'max-pool' | 'avg-pool', input?: Shape): OpDraw {
  const rank = input ? input.length - 1 : between(random, 1, 3);
  const poolSize = spatial(random, rank, 1, 3);
  const strides = spatial(random, rank, 1, 3);
  const dilations = chance(random, 0.3) ? spatial(random, rank, 1, 3) : undefined;
  const shared = {
    poolSize,
    strides,
    padding: paddings(
      random,
      poolSize.map((size, axis) => (size - 1) * (dilations?.[axis] ?? 1) + 1),
    ),
    ...(dilations ? { dilations } : {}),
  };
  const op: Op =
    kind === 'max-pool' ? { kind, ...shared } : { kind, ...shared, countPadding: chance(random, 0.3) };
  return { op, inputs: [input ?? [...extents(random, rank), between(random, 1, 5)]] };
}

export function drawActivation(random: Random): Op {
  const name = pick(random, ACTIVATION_FUNCTIONS);
  const alpha = name === 'leaky-relu' || (name === 'elu' && chance(random, 0.5));
  return { kind: 'activation', function: name, ...(alpha ? { alpha: 0.1 + random.next() } : {}) };
}

function drawMerge(random: Random, shape: Shape): OpDraw {
  const mode = pick(random, ['add', 'subtract', 'multiply', 'maximum', 'minimum', 'average'] as const);
  const count = mode === 'subtract' ? 2 : between(random, 2, 4);
  const inputs = Array.from({ length: count }, () =>
    chance(random, 0.5) ? shape : shape.map((extent) => (chance(random, 0.4) ? 1 : extent)),
  );
  return { op: { kind: 'merge', mode }, inputs };
}

function drawReshape(random: Random, shape: Shape): OpDraw {
  if (chance(random, 0.4)) {
    // Only axes of extent 1 come and go.
    const kept = shape.filter((extent) => extent !== 1);
    const target = kept.flatMap((extent) => (chance(random, 0.3) ? [1, extent] : [extent]));
    return { op: { kind: 'reshape', shape: target.length > 0 ? target : [1] }, inputs: [shape] };
  }
  const [first, ...rest] = shape;
  // The same extents in another order are the case that looks harmless and is not.
  const target = pick(random, [[shapeSize(shape)], [shapeSize(rest), first!], shape.toReversed()]);
  return { op: { kind: 'reshape', shape: target }, inputs: [shape] };
}

export function drawUpsample(random: Random, input?: Shape): OpDraw {
  const rank = input ? input.length - 1 : between(random, 1, 3);
  const factors = spatial(random, rank, 1, 3);
  const op: Op = chance(random, 0.4)
    ? { kind: 'upsample', factors, mode: 'nearest' }
    : {
        kind: 'upsample',
        factors,
        mode: 'linear',
        coordinates: pick(random, ['half-pixel', 'align-corners', 'asymmetric'] as const),
      };
  return {
    op,
    inputs: [input ?? [...spatial(random, rank, 1, [9, 6, 4][rank - 1]!), between(random, 1, 5)]],
  };
}

/** One op of the kind with input shapes that fit it. */
export function draw(random: Random, kind: OpKind): OpDraw {
  const shape = [...extents(random, between(random, 1, 3)), between(random, 1, 6)];
  const vector = chance(random, 0.2) ? [between(random, 1, 12)] : shape;
  switch (kind) {
    case 'conv':
      return drawConv(random);
    case 'dense':
      return { op: { kind, units: between(random, 1, 9) }, inputs: [vector] };
    case 'max-pool':
    case 'avg-pool':
      return drawPool(random, kind);
    case 'batch-norm':
      return {
        op: { kind, epsilon: 1e-3, scale: chance(random, 0.7), center: chance(random, 0.7) },
        inputs: [vector],
      };
    case 'global-pool':
      return {
        op: { kind, mode: pick(random, ['avg', 'max'] as const), keepDims: chance(random, 0.5) },
        inputs: [shape],
      };
    case 'merge':
      return drawMerge(random, vector);
    case 'concat': {
      const axis = random.integer(shape.length);
      const inputs = Array.from({ length: between(random, 1, 4) }, () =>
        shape.map((extent, i) => (i === axis ? between(random, 1, 4) : extent)),
      );
      return { op: { kind, axis }, inputs };
    }
    case 'pad': {
      const padding = vector.map((): Padding => [random.integer(4), random.integer(4)]);
      return { op: { kind, padding, value: chance(random, 0.5) ? 0 : random.normal() }, inputs: [vector] };
    }
    case 'reshape':
      return drawReshape(random, shape);
    case 'activation':
      return { op: drawActivation(random), inputs: [vector] };
    case 'softmax':
      return { op: { kind, axis: random.integer(vector.length) }, inputs: [vector] };
    case 'lrn':
      return {
        op: {
          kind,
          radius: random.integer(4),
          alpha: pick(random, [1e-4, 0.2, 1]),
          beta: pick(random, [0.75, 0.5, 1, 0.6]),
          bias: pick(random, [1, 2]),
        },
        inputs: [vector],
      };
    case 'upsample':
      return drawUpsample(random);
    case 'bias':
    case 'identity':
      return { op: { kind }, inputs: [vector] };
  }
}
