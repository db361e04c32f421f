import { checkBox } from '../graph/box.ts';
import { deriveWeights, type FoldedGraph } from '../graph/fold.ts';
import { weightShapes } from '../graph/shapes.ts';
import { missing } from './stored-source.ts';
import type { WeightSource, WeightTensor } from './weight-source.ts';

/**
 * The weights of a folded graph: those that the fold has made are computed from the originals box by box, the others
 * are the originals. Lists what the folded graph needs, and nothing else.
 */
export function derivedSource(originals: WeightSource, folded: FoldedGraph): WeightSource {
  const recipes = new Map(folded.weights.map((recipe) => [recipe.name, recipe]));
  const tensors = new Map<string, WeightTensor>();
  for (const [name, shape] of weightShapes(folded.graph)) {
    const recipe = recipes.get(name);
    const original = originals.tensors.get(recipe?.source ?? name);
    if (!recipe && !original) continue;
    const order = original?.shape.length === shape.length ? original.storageOrder : undefined;
    tensors.set(name, { name, shape, ...(order ? { storageOrder: order } : {}) });
  }
  return {
    tensors,
    read: async (name, box, signal) => {
      const tensor = tensors.get(name) ?? missing(name, tensors);
      const recipe = recipes.get(name);
      if (!recipe) return originals.read(name, box, signal);
      signal?.throwIfAborted();
      checkBox(box, tensor.shape, `weight tensor '${name}'`);
      return deriveWeights(recipe, box, (original, part) => originals.read(original, part, signal));
    },
  };
}
