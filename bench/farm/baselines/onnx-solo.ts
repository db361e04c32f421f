import * as ort from 'onnxruntime-web';
import type { Network } from '../../overhead/networks.ts';
import { inputName, onnxModel, outputName } from './onnx-model.ts';
import type { SoloModel } from './solo-model.ts';

/** The network with its batch norms folded, in ONNX Runtime's wasm: SIMD, one thread, all of its optimisations. */
export async function openOnnxSolo({ graph, weights }: Network): Promise<SoloModel> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const { model, constants } = await onnxModel(graph, weights);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    externalData: constants,
  });
  const [input] = graph.inputs;
  const output = outputName(graph.outputs[0]!);
  return {
    async predict(values) {
      const x = new ort.Tensor('float32', values, [1, ...input!.shape]);
      const results = await session.run({ [inputName(input!.id)]: x });
      return (await results[output]!.getData()) as Float32Array;
    },
  };
}
