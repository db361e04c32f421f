/**
 * What a tile computes, and from which weights.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const kernels = [
  // Channels and contractions
  {
    id: 'group-of-first',
    breaks: 'every group of a grouped convolution reads the channels of the first',
    file: 'src/engine/reference/linear.ts',
    find: 'from: op.groups === 1 ? 0 : group * inPerGroup - inputChannels[0],',
    replace: 'from: 0,',
    tests: ['kernels', 'tfjs'],
  },
  {
    id: 'depthwise-offset',
    breaks:
      'a slice that starts inside a group of a depthwise convolution is taken from the start of the group',
    file: 'src/engine/tfjs-conv.ts',
    find: 'const offset = channels.outStart - channels.inStart * multiplier;',
    replace: 'const offset = 0;',
    tests: ['tfjs'],
  },
  {
    id: 'kernel-slice-swapped',
    breaks: 'a slice of output channels gets the kernels of the first channels',
    file: 'src/graph/ops/conv.ts',
    find: 'box: [...fullBox(spatial), channels, output.at(-1)!] }];',
    replace: 'box: [...fullBox(spatial), channels, [0, length(output.at(-1)!)]] }];',
    tests: ['exactness', 'plans'],
  },
  {
    id: 'reduce-box-of-weights',
    breaks: 'a partial sum over some inputs of a dense layer takes the weights of all',
    file: 'src/graph/ops/dense.ts',
    find: 'box: [...(reduce ?? fullBox(input)), output[0]!] }];',
    replace: 'box: [...fullBox(reduce ? input : input), output[0]!] }];',
    tests: ['exactness', 'plans', 'ops'],
  },
  {
    id: 'concat-offset',
    breaks:
      'the second input of a concatenation is put behind what the tile holds of the first, not behind all of it',
    file: 'src/engine/reference/elementwise.ts',
    find: 'offset += input.shape[op.axis]!;',
    replace: 'offset += length(input.region[op.axis]!);',
    tests: ['exactness'],
  },
  {
    id: 'seeded-place',
    breaks: 'seeded weights depend on their place in the slice, not in the tensor',
    file: 'src/weights/seeded-source.ts',
    find: 'fill(result, filled, take, first + done,',
    replace: 'fill(result, filled, take, first * 0 + filled,',
    tests: ['seeded'],
  },

  // Pools
  {
    id: 'average-count',
    breaks: 'an average pool divides by its whole window where padding does not count',
    file: 'src/engine/reference/pool.ts',
    find: 'const divisor = op.countPadding ? wholeWindow : count;',
    replace: 'const divisor = op.countPadding ? count : wholeWindow;',
    tests: ['kernels'],
  },
  {
    id: 'average-count-tfjs',
    breaks: 'in tfjs, an average pool never counts its padding',
    file: 'src/engine/tfjs-pool.ts',
    find: "const zeroPadded = op.kind === 'avg-pool' && op.countPadding;",
    replace: "const zeroPadded = op.kind === 'avg-pool' && op.countPadding && spatial > 3;",
    tests: ['tfjs'],
  },
  {
    id: 'maximum-over-zeros',
    breaks: 'padding takes part in a maximum as 0',
    file: 'src/engine/reference/pool.ts',
    find: 'const result = allocate(output).fill(-Infinity);',
    replace: 'const result = allocate(output).fill(0);',
    tests: ['kernels'],
  },
  {
    id: 'pool-dilation',
    breaks: 'the dilation of a pool is ignored',
    file: 'src/graph/ops/pool.ts',
    find: 'dilations: op.dilations ?? op.poolSize.map(() => 1),',
    replace: 'dilations: op.poolSize.map(() => 1),',
    tests: ['kernels'],
  },

  // Bias, activations, batch norm
  {
    id: 'bias-per-tap',
    breaks: 'a convolution over time, summed over its taps, adds the bias once per tap',
    file: 'src/engine/tfjs-conv.ts',
    find: 'const bias = index === 0 ? tail.bias : undefined;',
    replace: 'const bias = index >= 0 ? tail.bias : undefined;',
    tests: ['engine', 'tfjs'],
  },
  {
    id: 'activation-per-tap',
    breaks: 'a convolution over time, summed over its taps, activates every summand',
    file: 'src/engine/tfjs-conv.ts',
    find: '{ bias, activation: undefined }',
    replace: '{ bias, activation: tail.activation }',
    tests: ['engine'],
  },
  {
    id: 'bias-twice',
    breaks: 'a bias that was fused into its convolution is also added by itself',
    file: 'src/graph/fusion.ts',
    find: 'epilogue = { bias: next.weights[0]! };\n        absorbed.add(next);\n        slot = slots.get(next)!;',
    replace: 'epilogue = { bias: next.weights[0]! };',
    tests: ['tfjs', 'fusion'],
  },
  {
    id: 'fold-epsilon',
    breaks: 'folding a batch norm forgets its epsilon',
    file: 'src/graph/fold.ts',
    find: 'Math.sqrt(value + norm.epsilon)',
    replace: 'Math.sqrt(value)',
    tests: ['fold'],
  },
  {
    id: 'fold-slice',
    breaks: 'a slice of a folded kernel is scaled by the first channels',
    file: 'src/graph/fold.ts',
    find: 'const channels: Box = [box.at(-1)!];',
    replace: 'const channels: Box = [[0, box.at(-1)![1] - box.at(-1)![0]]];',
    tests: ['fold'],
  },
];
