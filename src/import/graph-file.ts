import { boxSize, fullBox, type Box, type Shape } from '../graph/box.ts';
import type { Graph } from '../graph/graph.ts';
import { parseGraph } from '../graph/parse.ts';
import { weightShapes } from '../graph/shapes.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { safetensorsHeader } from '../weights/safetensors.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { corrupt, isObject, shown } from './json-reader.ts';

/** Our own format: `graph.json` is the graph, and names the safetensors file beside it that holds the weights. */
export interface GraphFile {
  readonly graph: Graph;
  /** Relative to `graph.json`. */
  readonly weights: string;
}

export const isGraphFile = (json: unknown): boolean => isObject(json) && 'nodes' in json && 'outputs' in json;

/** Throws `MODEL_CORRUPT`, with what `parseGraph` says as its cause. */
export function parseGraphFile(json: unknown): GraphFile {
  if (!isObject(json)) return corrupt('the model', `it should be a JSON object, it is ${shown(json)}`);
  const { weights = 'weights.safetensors', ...graph } = json;
  if (typeof weights !== 'string') {
    return corrupt('the model', `'weights' should be the name of a file, it is ${shown(weights)}`);
  }
  try {
    return { graph: parseGraph(graph), weights };
  } catch (cause) {
    if (!(cause instanceof PeerceptronError)) throw cause;
    throw new PeerceptronError(
      'MODEL_CORRUPT',
      `the graph file is not sound: ${cause.message}; import the model again`,
      { cause, details: cause.details },
    );
  }
}

export const serializeGraphFile = ({ graph, weights }: GraphFile): string =>
  `${JSON.stringify({ ...graph, weights }, null, 1)}\n`;

/** Elements in memory at a time while a model is written. */
const SLAB_ELEMENTS = 2 * 1024 * 1024;

/**
 * The safetensors file of a graph's weights, piece by piece: models larger than memory can be written. The first piece
 * is the header.
 */
export async function* safetensorsPieces(
  graph: Graph,
  source: WeightSource,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const tensors = [...weightShapes(graph)].map(([name, shape]) => ({ name, shape }));
  yield safetensorsHeader(tensors, { format: 'peerceptron', model: graph.name });
  for (const { name, shape } of tensors) {
    for (const box of slabs(shape)) {
      const data = await source.read(name, box, signal);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    }
  }
}

/** Boxes that cover a tensor in row-major order, each a contiguous run of it. */
export function* slabs(shape: Shape): Generator<Box> {
  yield* cut(fullBox(shape), 0);
}

function* cut(box: Box, axis: number): Generator<Box> {
  if (boxSize(box) <= SLAB_ELEMENTS || axis === box.length) {
    yield box;
    return;
  }
  const [start, end] = box[axis]!;
  const perStep = boxSize(box) / (end - start);
  const step = Math.max(1, Math.floor(SLAB_ELEMENTS / perStep));
  for (let from = start; from < end; from += step) {
    const part = box.with(axis, [from, Math.min(end, from + step)]);
    // A single step that is still too large is cut along the next axis.
    yield* cut(part, axis + 1);
  }
}
