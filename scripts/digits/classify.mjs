import { instantiate } from './wasm.mjs';

/** Runs a saved chain of conv, bias, relu, max-pool, dense and softmax on batches of `batch` pictures. */
export function createClassifier(module, { graph, tensors }, batch) {
  const { kernels, floats } = instantiate(module, 16e6 + batch * 1.2e6);
  let shape = graph.inputs[0].shape;
  const input = floats(batch * shape.reduce((product, extent) => product * extent, 1));
  let from = input;
  const steps = [];
  for (const { op, weights } of graph.nodes) {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const source = from;
    const weightOf = (role) => {
      const { data } = tensors.get(weights[role]);
      const buffer = floats(data.length);
      buffer.data.set(data);
      return buffer.at;
    };
    if (op.kind === 'conv') {
      const [h, w, c] = shape;
      const k = op.kernelSize[0];
      const kernel = weightOf('kernel');
      const padded = floats(batch * (h + k - 1) * (w + k - 1) * c);
      const out = floats(batch * h * w * op.outChannels);
      steps.push(() => {
        kernels.pad(source.at, padded.at, batch, h, w, c, (k - 1) / 2);
        kernels.conv(padded.at, kernel, out.at, batch, h, w, c, k, op.outChannels);
      });
      from = out;
      shape = [h, w, op.outChannels];
    } else if (op.kind === 'bias') {
      const bias = weightOf('bias');
      const channels = shape.at(-1);
      steps.push(() => kernels.addBias(source.at, (batch * size) / channels, channels, bias, false));
    } else if (op.kind === 'activation' && op.function === 'relu') {
      steps.push(() => kernels.reluGradient(source.at, source.at, batch * size));
    } else if (op.kind === 'max-pool') {
      const [h, w, c] = shape;
      const out = floats((batch * size) / 4);
      steps.push(() => kernels.maxPool(source.at, out.at, batch, h, w, c));
      from = out;
      shape = [h / 2, w / 2, c];
    } else if (op.kind === 'dense') {
      const kernel = weightOf('kernel');
      const out = floats(batch * op.units);
      steps.push(() =>
        kernels.gemm(batch, op.units, size, source.at, size, 1, kernel, op.units, out.at, op.units, false),
      );
      from = out;
      shape = [op.units];
    } else if (op.kind !== 'softmax') {
      throw new Error(`cannot evaluate ${op.kind}`);
    }
  }
  const output = from;
  const classes = shape[0];
  /** Scores (logits; softmax does not change their order) of the pictures that were written to `images`. */
  return {
    images: input.data,
    run: () => {
      for (const step of steps) step();
      return output.data;
    },
    /** Index of the largest score of each of the first `count` pictures. */
    decide(count) {
      this.run();
      return Array.from({ length: count }, (_, b) => {
        let best = 0;
        for (let j = 1; j < classes; j++) {
          if (output.data[b * classes + j] > output.data[b * classes + best]) best = j;
        }
        return best;
      });
    },
  };
}
