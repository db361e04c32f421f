import type { Shape } from '../../src/graph/box.ts';
import type { Graph, OpNode, TensorId } from '../../src/graph/graph.ts';
import type { ConvOp, Op, Padding } from '../../src/graph/op.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import type { Random } from '../../src/shared/random.ts';
import { drawActivation, drawConv, drawPool, drawUpsample, spatial } from './random-draws.ts';
import { between, chance, pick } from './random.ts';

/**
 * A random network put together from the blocks of published ones: plain convolutions, residual blocks with and without
 * a projection, separable blocks, parallel branches that are concatenated, pools, enlargements, normalisation across channels, and a head of dense layers; over 1, 2
 * or 3 spatial axes. `randomGraph` strings single ops together; here the structures that make cuts difficult are certain
 * to occur.
 */
export function randomBlockGraph(random: Random): Graph {
  const rank = pick(random, [1, 2, 2, 3, 3]);
  const input = [...spatial(random, rank, 5, [24, 12, 6][rank - 1]!), between(random, 1, 4)];
  const net = new Network(random, input);
  for (let count = between(random, 1, 3); count > 0; count--) net.block();
  if (chance(random, 0.6)) net.head();
  return net.graph();
}

class Network {
  readonly #random: Random;
  readonly #input: Shape;
  readonly #nodes: OpNode[] = [];
  readonly #shapes: Map<TensorId, Shape>;
  #last: TensorId = 'input';

  constructor(random: Random, input: Shape) {
    this.#random = random;
    this.#input = input;
    this.#shapes = new Map([['input', input]]);
  }

  block(): void {
    const blocks = [
      () => this.#plain(),
      () => this.#residual(),
      () => this.#separable(),
      () => this.#separableResidual(),
      () => this.#branches(),
      () => this.#pool(),
      () => this.#upsample(),
    ];
    pick(this.#random, blocks)();
  }

  head(): void {
    const random = this.#random;
    if (chance(random, 0.3)) this.#add({ kind: 'global-pool', mode: 'avg', keepDims: false });
    this.#add({ kind: 'dense', units: between(random, 2, 8) });
    this.#add({ kind: 'bias' });
    this.#activation();
    if (chance(random, 0.6)) {
      this.#add({ kind: 'dense', units: between(random, 2, 6) });
      if (chance(random, 0.5)) this.#add({ kind: 'softmax', axis: 0 });
    }
  }

  graph(): Graph {
    const consumed = new Set(this.#nodes.flatMap(({ inputs }) => inputs));
    return {
      name: 'random-blocks',
      inputs: [{ id: 'input', shape: this.#input }],
      nodes: this.#nodes,
      outputs: this.#nodes.map(({ id }) => id).filter((id) => !consumed.has(id)),
    };
  }

  #shape(id: TensorId): Shape {
    return this.#shapes.get(id)!;
  }

  #add(op: Op, inputs: readonly TensorId[] = [this.#last]): TensorId {
    const shapes = inputs.map((id) => this.#shape(id));
    const output = definitionOf(op).outputShape(op, shapes);
    const id = `t${this.#nodes.length}`;
    const roles = definitionOf(op).weightShapes(op, shapes);
    const weights = Object.fromEntries(roles.map(({ role }) => [role, `${id}/${role}`]));
    this.#nodes.push({ id, op, inputs, weights });
    this.#shapes.set(id, output);
    this.#last = id;
    return id;
  }

  /** Keeps the spatial extents at stride 1. */
  #conv(attributes: Partial<ConvOp> & { readonly size: number }, from = this.#last): TensorId {
    const { size, ...given } = attributes;
    const rank = this.#shape(from).length - 1;
    const each = <T>(value: T): T[] => Array.from({ length: rank }, () => value);
    const padding: Padding = [(size - 1) >> 1, size >> 1];
    return this.#add(
      {
        kind: 'conv',
        kernelSize: each(size),
        strides: each(1),
        dilations: each(1),
        padding: each(padding),
        groups: 1,
        outChannels: between(this.#random, 1, 6),
        ...given,
      },
      [from],
    );
  }

  #activation(): TensorId {
    // The exponential grows out of all bounds where blocks follow one another.
    let op = drawActivation(this.#random);
    while (op.kind === 'activation' && op.function === 'exp') op = drawActivation(this.#random);
    return this.#add(op);
  }

  #normalise(): void {
    if (chance(this.#random, 0.1)) this.#add({ kind: 'lrn', radius: 2, alpha: 0.2, beta: 0.75, bias: 1 });
    if (chance(this.#random, 0.5)) this.#add({ kind: 'bias' });
    else this.#add({ kind: 'batch-norm', epsilon: 1e-3, scale: true, center: true });
  }

  /** Any convolution that fits: strides, dilations, groups and uneven padding. */
  #plain(): void {
    for (let attempt = 0; attempt < 20; attempt++) {
      const { op } = drawConv(this.#random, this.#shape(this.#last));
      try {
        this.#add(op);
        break;
      } catch {
        // Its window does not fit the extents: draw another.
      }
    }
    this.#normalise();
    this.#activation();
  }

  #residual(): void {
    const from = this.#last;
    const channels = this.#shape(from).at(-1)!;
    const widened = chance(this.#random, 0.4) ? between(this.#random, 1, 6) : channels;
    this.#conv({ size: 3 });
    this.#normalise();
    this.#activation();
    const branch = this.#conv({ size: pick(this.#random, [1, 2, 3]), outChannels: widened });
    const shortcut = widened === channels ? from : this.#conv({ size: 1, outChannels: widened }, from);
    this.#add({ kind: 'merge', mode: 'add' }, [branch, shortcut]);
    if (chance(this.#random, 0.7)) this.#activation();
  }

  #separable(): void {
    const channels = this.#shape(this.#last).at(-1)!;
    const multiplier = pick(this.#random, [1, 1, 2]);
    this.#conv({ size: 3, groups: channels, outChannels: channels * multiplier });
    this.#conv({ size: 1 });
    this.#normalise();
  }

  /** As in Xception's entry flow: separable convolutions and a pool beside a strided projection. */
  #separableResidual(): void {
    const from = this.#last;
    this.#add({ kind: 'activation', function: 'relu' });
    this.#separable();
    const channels = this.#shape(this.#last).at(-1)!;
    const rank = this.#input.length - 1;
    const twice = Array.from({ length: rank }, () => 2);
    const padding = twice.map((): Padding => [1, 1]);
    const poolSize = twice.map(() => 3);
    const branch = this.#add({ kind: 'max-pool', poolSize, strides: twice, padding });
    const shortcut = this.#conv({ size: 1, strides: twice, outChannels: channels }, from);
    this.#add({ kind: 'merge', mode: 'add' }, [branch, shortcut]);
  }

  #branches(): void {
    const from = this.#last;
    const rank = this.#input.length - 1;
    const ends = Array.from({ length: between(this.#random, 2, 3) }, () => {
      this.#last = from;
      if (chance(this.#random, 0.3)) {
        const ones = Array.from({ length: rank }, () => 1);
        const poolSize = ones.map(() => 3);
        const padding = ones.map((): Padding => [1, 1]);
        return this.#add({ kind: 'avg-pool', poolSize, strides: ones, padding, countPadding: false });
      }
      this.#conv({ size: pick(this.#random, [1, 3]) });
      return chance(this.#random, 0.5) ? this.#conv({ size: 3 }) : this.#activation();
    });
    this.#add({ kind: 'concat', axis: rank }, ends);
  }

  #pool(): void {
    const kind = pick(this.#random, ['max-pool', 'avg-pool'] as const);
    try {
      this.#add(drawPool(this.#random, kind, this.#shape(this.#last)).op);
    } catch {
      this.#plain();
    }
  }

  #upsample(): void {
    const shape = this.#shape(this.#last);
    // Every axis may become three times as long, and the reference engine is slow.
    const longest = [16, 8, 3][shape.length - 2]!;
    if (shape.slice(0, -1).some((extent) => extent > longest)) this.#pool();
    else this.#add(drawUpsample(this.#random, shape).op);
    if (chance(this.#random, 0.5)) this.#conv({ size: 3 });
  }
}
