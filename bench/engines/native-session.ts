import { nativeFolders } from '../../headless/engine-package.ts';
import { loadNativeLibrary } from '../../src/engine/native-library.ts';
import { inputName, onnxModel, outputName } from '../farm/baselines/onnx-model.ts';
import type { SoloModel } from '../farm/baselines/solo-model.ts';
import type { Network } from '../overhead/networks.ts';

/** The whole network as one session of onnxruntime-node with all of its optimisations, weights inside it. */
export async function openNativeSession(
  { graph, weights }: Network,
  threads: number,
): Promise<SoloModel & { close(): Promise<void> }> {
  const ort = loadNativeLibrary(nativeFolders());
  const { model, constants } = await onnxModel(graph, weights);
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    externalData: constants,
    extra: { session: {} },
  });
  const [input] = graph.inputs;
  const output = outputName(graph.outputs[0]!);
  return {
    async predict(values) {
      const x = new ort.Tensor('float32', values, [1, ...input!.shape]);
      const results = (await session.run({ [inputName(input!.id)]: x })) as Readonly<
        Record<string, { readonly data: Float32Array }>
      >;
      return results[output]!.data;
    },
    close: () => session.release(),
  };
}
