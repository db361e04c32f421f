import { featureGraph } from '../../graph/feature-graph.ts';
import type { Graph } from '../../graph/graph.ts';
import { tensorShapes } from '../../graph/shapes.ts';
import type { LoadedModel } from '../../import/load-model.ts';

/** Features of one network mean nothing to another: this tells them apart. */
export interface FeatureNetwork {
  readonly name: string;
  /** The tensor whose values the features are. */
  readonly tensor: string;
  /** Length of a vector of features. */
  readonly size: number;
  /** Which weights: those of a seed, of a file in our own layout, or of any other file. */
  readonly weights: string;
}

export function featureNetwork(
  { seeded, stored, graph: { name } }: LoadedModel,
  graph: Graph,
): FeatureNetwork {
  const tensor = graph.outputs[0]!;
  const weights = seeded ? `seed ${seeded.seed}` : stored ? stored.sha256 : 'file';
  return { name, tensor, size: tensorShapes(graph).get(tensor)!.at(-1)!, weights };
}

export const sameNetwork = (a: FeatureNetwork, b: FeatureNetwork): boolean =>
  a.name === b.name && a.tensor === b.tensor && a.size === b.size && a.weights === b.weights;

/** What of a model the room computes to teach with it. */
export const taughtGraph = ({ graph }: Pick<LoadedModel, 'graph'>): Graph => featureGraph(graph);
