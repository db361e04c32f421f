import type { Graph } from '../graph/graph.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { H5File } from '../weights/h5.ts';
import { storedSource, viewed } from '../weights/stored-source.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { corrupt } from './json-reader.ts';
import { importKerasModel, type ImportOptions } from './keras-model.ts';
import { parseKerasModel } from './keras-topology.ts';

/**
 * A whole model as `model.save('….h5')` of Keras 1 to 3 writes it: its layers, and its weights where they lie.
 * @throws MODEL_UNSUPPORTED (weights alone, or a layer that is not supported), MODEL_CORRUPT, WEIGHTS_MISSING, WEIGHTS_CORRUPT
 */
export function importKerasH5(
  file: H5File,
  location: string,
  options: ImportOptions = {},
): { readonly graph: Graph; readonly weights: WeightSource } {
  if (file.modelConfig === undefined) {
    throw new PeerceptronError(
      'MODEL_UNSUPPORTED',
      `${location} holds weights alone, without the layers: name the network with --model and this file with --weights, or save the whole model`,
    );
  }
  let config: unknown;
  try {
    config = JSON.parse(file.modelConfig);
  } catch {
    corrupt(location, `'model_config' is not JSON`);
  }
  // Names of variables end in `:0`; the layers know nothing of it.
  const tensors = new Map(
    file.tensors.map((tensor) => {
      const name = tensor.name.replace(/:\d+$/, '');
      return [name, { ...tensor, name }];
    }),
  );
  const { graph, weights } = importKerasModel(parseKerasModel(config), [...tensors.values()], options);
  return {
    graph,
    weights: storedSource(
      [...weights].map(([name, { tensor, shape }]) => viewed(tensors.get(tensor)!, name, shape)),
    ),
  };
}
