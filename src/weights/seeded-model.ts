import { formatShape } from '../graph/box.ts';
import { foldBatchNorm } from '../graph/fold.ts';
import type { Graph } from '../graph/graph.ts';
import { weightShapes } from '../graph/shapes.ts';
import { simplify } from '../graph/simplify.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { derivedSource } from './derived-source.ts';
import { seededSource, seededTensors } from './seeded-source.ts';
import { missing } from './stored-source.ts';
import type { WeightSource } from './weight-source.ts';

/** All that it takes to compute a model's weights anywhere: it travels in PREPARE in their place. */
export interface SeededWeights {
  /** 0 … 2³² − 1. */
  readonly seed: number;
  /** The graph before it was simplified and its batch norms were folded: what is drawn from the seed are its weights. */
  readonly unfolded: Graph;
}

/** The weights of `foldBatchNorm(simplify(unfolded))`, each box computed when it is read. */
export function seededModelWeights({ seed, unfolded }: SeededWeights): WeightSource {
  return derivedSource(seededSource(seededTensors(unfolded), seed), foldBatchNorm(simplify(unfolded)));
}

/**
 * A source that lacks a weight of the graph is found out before anything is computed.
 * @throws WEIGHTS_MISSING, WEIGHTS_CORRUPT (another shape), naming the tensor
 */
export function checkWeights(graph: Graph, weights: WeightSource): void {
  for (const [name, shape] of weightShapes(graph)) {
    const found = (weights.tensors.get(name) ?? missing(name, weights.tensors)).shape;
    if (formatShape(found) !== formatShape(shape)) {
      throw new PeerceptronError(
        'WEIGHTS_CORRUPT',
        `weight tensor '${name}' has shape ${formatShape(found)}, the graph needs ${formatShape(shape)}: graph and weights are of different models`,
        { details: { tensor: name, found, expected: shape } },
      );
    }
  }
}
