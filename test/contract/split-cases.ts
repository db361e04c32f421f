import { fullBox, shapeSize, splitRange, type Box, type Range, type Shape } from '../../src/graph/box.ts';
import type { Graph, OpNode } from '../../src/graph/graph.ts';
import type { Op, OpKind } from '../../src/graph/op.ts';
import { definitionOf } from '../../src/graph/ops/index.ts';
import type { Random } from '../../src/shared/random.ts';
import { draw } from '../support/random-draws.ts';
import { pick } from '../support/random.ts';

/** One tile of a split: a box of the output, or a partial sum of it. */
export interface Piece {
  readonly box: Box;
  readonly reduce?: Box;
}

/** An op with inputs that it takes, and what its definition allows. */
interface Drawn {
  readonly op: Op;
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly tileable: readonly number[];
  readonly reduceShape: Shape;
}

interface SplitKind {
  readonly title: string;
  readonly legalFor: (kind: OpKind) => boolean;
  /** Ops that join the op under test in one segment; the split is then of what they make. */
  readonly behind?: (output: Shape) => readonly Op[];
  /** Undefined where the shapes that were drawn do not suit. */
  readonly pieces: (drawn: Drawn, random: Random) => readonly Piece[] | undefined;
}

/** These see all places at once, so that only their channels can be cut. */
const isSpatial = (kind: OpKind): boolean => kind !== 'dense' && kind !== 'global-pool';
const isReducible = (kind: OpKind): boolean => kind === 'conv' || kind === 'dense';
const always = (): boolean => true;

const replace = (box: Box, axis: number, range: Range): Box =>
  box.map((known, i) => (i === axis ? range : known));

/** The output cut along one axis, in shares. */
function along(drawn: Drawn, axis: number, shares: readonly number[]): readonly Piece[] | undefined {
  const extent = drawn.output[axis];
  if (!drawn.tileable.includes(axis) || extent === undefined || extent < 2) return undefined;
  return splitRange(extent, shares).map((range) => ({ box: replace(fullBox(drawn.output), axis, range) }));
}

/** Bands along one spatial axis of a picture (rank 3) or a clip (rank 4). */
const bands = (title: string, rank: number, axis: number, shares: readonly number[]): SplitKind => ({
  title,
  legalFor: isSpatial,
  pieces: (drawn) => (drawn.output.length === rank ? along(drawn, axis, shares) : undefined),
});

/** Shares along whichever axis may be cut. */
const anyAxis = (title: string, sharesOf: (extent: number) => readonly number[]): SplitKind => ({
  title,
  legalFor: always,
  pieces(drawn, random) {
    if (drawn.tileable.length === 0) return undefined;
    const axis = pick(random, drawn.tileable);
    return along(drawn, axis, sharesOf(drawn.output[axis]!));
  },
});

function partialSums(drawn: Drawn, random: Random): readonly Box[] | undefined {
  const axes = drawn.reduceShape.flatMap((extent, axis) => (extent >= 2 ? [axis] : []));
  if (axes.length === 0) return undefined;
  const axis = pick(random, axes);
  const parts = splitRange(drawn.reduceShape[axis]!, [2, 1, 1]);
  return parts.map((range) => replace(fullBox(drawn.reduceShape), axis, range));
}

/** A window that makes its neighbour compute a halo, and what usually stands behind it. */
function windowBehind(output: Shape): readonly Op[] {
  // Windows have one to three axes.
  if (output.length < 2 || output.length > 4) {
    return [{ kind: 'bias' }, { kind: 'activation', function: 'relu' }];
  }
  const each = <T>(value: T): T[] => output.slice(0, -1).map(() => value);
  return [
    { kind: 'conv', kernelSize: each(3), strides: each(1), dilations: each(1), padding: each([1, 1] as const), groups: 1, outChannels: 3 }, // prettier-ignore
    { kind: 'bias' },
    { kind: 'activation', function: 'relu' },
    { kind: 'max-pool', poolSize: each(2), strides: each(1), padding: each([0, 1] as const) },
  ];
}

export const SPLIT_KINDS: readonly SplitKind[] = [
  bands('row bands', 3, 0, [1, 1, 1]),
  bands('column bands', 3, 1, [1, 1, 1]),
  bands('depth bands of a clip', 4, 0, [1, 1, 1]),
  {
    title: 'grid',
    legalFor: isSpatial,
    pieces(drawn) {
      if (drawn.output.length < 3) return undefined;
      const rows = along(drawn, 0, [1, 1]);
      const columns = along(drawn, 1, [1, 2]);
      if (!rows || !columns) return undefined;
      return rows.flatMap(({ box }) => columns.map((column) => ({ box: replace(box, 1, column.box[1]!) })));
    },
  },
  {
    title: 'output channels',
    legalFor: always,
    pieces: (drawn) => along(drawn, drawn.output.length - 1, [1, 1, 1]),
  },
  anyAxis('uneven shares', () => [1, 5, 2]),
  anyAxis('more tiles than elements', (extent) => Array<number>(extent + 2).fill(1)),
  anyAxis('empty tiles', () => [0, 1, 0, 2]),
  {
    title: 'partial sums',
    legalFor: isReducible,
    pieces: (drawn, random) =>
      partialSums(drawn, random)?.map((reduce) => ({ box: fullBox(drawn.output), reduce })),
  },
  {
    title: 'partial sums of output channels',
    legalFor: isReducible,
    pieces(drawn, random) {
      const channels = along(drawn, drawn.output.length - 1, [1, 2]);
      const sums = partialSums(drawn, random);
      return sums && channels?.flatMap(({ box }) => sums.map((reduce) => ({ box, reduce })));
    },
  },
  {
    title: 'fused with the ops behind it',
    legalFor: always,
    behind: windowBehind,
    pieces(drawn, random) {
      const axes = drawn.output.flatMap((extent, axis) => (extent >= 2 ? [axis] : []));
      return axes.length > 0 ? along(drawn, pick(random, axes), [2, 1, 1]) : undefined;
    },
  },
];

export interface SplitCase {
  readonly graph: Graph;
  /** Of the graph's only output. */
  readonly pieces: readonly Piece[];
  readonly output: Shape;
  readonly description: string;
}

/** A random op of the kind whose shapes suit the split. */
export function splitCase(random: Random, kind: OpKind, split: SplitKind): SplitCase {
  // Some draws fit no graph, many are too small to be cut; a thousand in a row are a fault of the generator.
  for (let attempt = 0; attempt < 1000; attempt++) {
    const { op, inputs } = draw(random, kind);
    const made = build(op, inputs, split);
    if (!made || shapeSize(made.drawn.output) > 4000) continue;
    const pieces = split.pieces(made.drawn, random);
    if (!pieces) continue;
    const shapes = inputs.map((shape) => shape.join('×')).join(', ');
    const description = `${split.title} of ${JSON.stringify(op)} on ${shapes}`;
    return { graph: made.graph, pieces, output: made.drawn.output, description };
  }
  throw new Error(`no ${kind} was drawn that suits ${split.title}`);
}

function build(
  op: Op,
  inputs: readonly Shape[],
  split: SplitKind,
): { graph: Graph; drawn: Drawn } | undefined {
  const nodes: OpNode[] = [];
  const add = (id: string, added: Op, from: readonly string[], shapes: readonly Shape[]): Drawn => {
    const definition = definitionOf(added);
    const output = definition.outputShape(added, shapes);
    const roles = definition.weightShapes(added, shapes).map(({ role }) => role);
    nodes.push({
      id,
      op: added,
      inputs: from,
      weights: Object.fromEntries(roles.map((role) => [role, `${id}/${role}`])),
    });
    return {
      op: added,
      inputs: shapes,
      output,
      tileable: definition.tileableAxes(added, shapes),
      reduceShape: definition.reduceShape(added, shapes),
    };
  };
  const sources = inputs.map((shape, index) => ({ id: `x${index}`, shape }));
  let drawn: Drawn;
  try {
    drawn = add(
      'y',
      op,
      sources.map(({ id }) => id),
      inputs,
    );
  } catch {
    return undefined;
  }
  for (const [index, next] of (split.behind?.(drawn.output) ?? []).entries()) {
    drawn = add(`behind${index}`, next, [nodes.at(-1)!.id], [drawn.output]);
  }
  return { graph: { name: 'split', inputs: sources, nodes, outputs: [nodes.at(-1)!.id] }, drawn };
}
