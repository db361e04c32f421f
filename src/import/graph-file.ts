import type { Graph } from '../graph/graph.ts';
import { parseGraph } from '../graph/parse.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { corrupt, isObject, shown } from './json-reader.ts';

/**
 * Our own format: `graph.json` is the graph, and names the files beside it that hold the weights. With a layout the
 * weights lie in panels, each block with a hash (`src/weights/layout.ts`); without one they are plain safetensors.
 */
export interface GraphFile {
  readonly graph: Graph;
  /** Relative to `graph.json`. */
  readonly weights: string;
  readonly layout?: LayoutReference;
}

export interface LayoutReference {
  /** Relative to `graph.json`. */
  readonly file: string;
  /** Of the layout file, lower-case hex: all that it takes to trust every byte of the weights. */
  readonly sha256: string;
}

export const isGraphFile = (json: unknown): boolean => isObject(json) && 'nodes' in json && 'outputs' in json;

/** Throws `MODEL_CORRUPT`, with what `parseGraph` says as its cause. */
export function parseGraphFile(json: unknown): GraphFile {
  if (!isObject(json)) return corrupt('the model', `it should be a JSON object, it is ${shown(json)}`);
  const { weights = 'weights.safetensors', layout, ...graph } = json;
  if (typeof weights !== 'string') {
    return corrupt('the model', `'weights' should be the name of a file, it is ${shown(weights)}`);
  }
  const reference = layout === undefined ? {} : { layout: layoutReference(layout) };
  try {
    return { graph: parseGraph(graph), weights, ...reference };
  } catch (cause) {
    if (!(cause instanceof PeerceptronError)) throw cause;
    throw new PeerceptronError(
      'MODEL_CORRUPT',
      `the graph file is not sound: ${cause.message}; import the model again`,
      { cause, details: cause.details },
    );
  }
}

function layoutReference(json: unknown): LayoutReference {
  const { file, sha256 } = isObject(json) ? json : {};
  if (typeof file === 'string' && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) {
    return { file, sha256 };
  }
  return corrupt('the model', `'layout' should name a file and its SHA-256, it is ${shown(json)}`);
}

export const serializeGraphFile = ({ graph, weights, layout }: GraphFile): string =>
  `${JSON.stringify({ ...graph, weights, ...(layout ? { layout } : {}) }, null, 1)}\n`;
