/**
 * Seeded defects. Each is one slip that an author of split computation could make; `npm run test:mutants` switches
 * them on one by one and wants some test to fail. Many leave the unsplit network right and only tiles wrong: they
 * show that comparing a split with its whole finds them.
 *
 * `find` occurs exactly once in `file` (a unit test holds that); `tests` names the files of tests that are run.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const mutants = [
  // Receptive fields
  {
    id: 'halo-one-short',
    breaks: 'a tile asks for one row less than its last window reads',
    file: 'src/graph/window.ts',
    find: 'windowSpan(window.size[axis]!, window.dilations[axis]!);\n  return {',
    replace: 'windowSpan(window.size[axis]!, window.dilations[axis]!) - 1;\n  return {',
    tests: ['exactness', 'ops', 'plans'],
  },
  {
    id: 'halo-one-long',
    breaks: 'a tile asks for one row more than its last window reads',
    file: 'src/graph/window.ts',
    find: 'windowSpan(window.size[axis]!, window.dilations[axis]!);\n  return {',
    replace: 'windowSpan(window.size[axis]!, window.dilations[axis]!) + 1;\n  return {',
    tests: ['exactness', 'ops', 'plans'],
  },
  {
    id: 'halo-zeros',
    breaks: 'zeros stand in for the rows that the tile before holds',
    file: 'src/graph/window.ts',
    find: 'range: [Math.max(0, start), Math.min(extent, end)],\n    padding: [Math.max(0, -start),',
    replace: 'range: [output[0] * stride, Math.min(extent, end)],\n    padding: [output[0] * stride - start,',
    tests: ['exactness', 'plans'],
  },
  {
    id: 'padding-side',
    breaks: 'the padding behind a tensor is taken for that in front of it',
    file: 'src/graph/window.ts',
    find: 'const before = window.padding[axis]![0];',
    replace: 'const before = window.padding[axis]![1];',
    tests: ['kernels', 'ops'],
  },
  {
    id: 'stride-phase',
    breaks: 'a tile that does not start at the border starts one element late under a stride',
    file: 'src/graph/window.ts',
    find: 'const start = output[0] * stride - before;\n  const end = (output[1] - 1) * stride - before +',
    replace:
      'const late = output[0] > 0 && stride > 1 ? 1 : 0;\n' +
      '  const start = output[0] * stride - before + late;\n' +
      '  const end = (output[1] - 1) * stride - before + late +',
    tests: ['exactness', 'plans'],
  },
  {
    id: 'halo-without-dilation',
    breaks: 'the halo is as wide as if the kernel were not dilated',
    file: 'src/graph/window.ts',
    find: 'windowSpan(window.size[axis]!, window.dilations[axis]!);\n  return {',
    replace: 'windowSpan(window.size[axis]!, 1);\n  return {',
    tests: ['exactness', 'ops'],
  },
  {
    id: 'fused-halo-of-one-reader',
    breaks: 'in a fused segment, a tensor with two readers is computed as large as one of them needs it',
    file: 'src/graph/tile-program.ts',
    find: 'needed.set(tensor, known ? hull(known, box) : box);',
    replace: 'needed.set(tensor, known ?? hull(box, box));',
    tests: ['exactness', 'tiles', 'plans'],
  },
  {
    id: 'residual-box',
    breaks: 'the second branch of a residual sum is read from the start of the tensor',
    file: 'src/graph/ops/merge.ts',
    find: 'return inputs.map((shape) =>\n    isEmpty(output)\n      ? emptyRegion(shape.length)\n      : plainRegion(shape.map((extent, axis) => (extent === 1 ? whole : output[axis]!))),',
    replace:
      'return inputs.map((shape, branch) =>\n    isEmpty(output)\n      ? emptyRegion(shape.length)\n      : plainRegion(shape.map((extent, axis): Range => (extent === 1 ? whole : branch === 1 ? [0, output[axis]![1] - output[axis]![0]] : output[axis]!))),',
    tests: ['exactness', 'plans'],
  },
  {
    id: 'softmax-over-a-part',
    breaks: 'softmax may be cut along its own axis, and normalises what the tile holds',
    file: 'src/graph/ops/softmax.ts',
    find: 'everyAxis(inputs[0]!).filter((axis) => axis !== op.axis)',
    replace: 'everyAxis(inputs[0]!).filter((axis) => axis >= 0 || axis !== op.axis)',
    tests: ['exactness', 'plans'],
  },

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
    file: 'src/engine/fusion.ts',
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

  // Transfers and assembly
  {
    id: 'lost-piece',
    breaks: 'of the pieces of an input, the last of several is never sent',
    file: 'src/planner/compiled-plan.ts',
    find: 'for (const [index, piece] of pieces.entries()) {',
    replace: 'for (const [index, piece] of pieces.slice(0, Math.max(1, pieces.length - 1)).entries()) {',
    tests: ['transfers', 'plans'],
  },
  {
    id: 'lost-copy',
    breaks: 'a piece that has arrived in a buffer of its own is not copied into the input',
    file: 'src/runtime/assembly.ts',
    find: 'if (staged.buffer !== this.buffer.buffer)',
    replace: 'if (staged.buffer !== this.buffer.buffer && index === 0)',
    tests: ['assembly', 'plans'],
  },
  {
    id: 'grid-transposed',
    breaks: 'the pieces of a grid land at transposed places',
    file: 'src/graph/region-copy.ts',
    find: 'targetBase += (region[axis]![0] - targetBox[axis]![0]) * targetStrides[axis]!;',
    replace:
      'targetBase += (region[axis]![0] - targetBox[axis]![0]) * targetStrides[axis < 2 && rank > 2 ? 1 - axis : axis]!;',
    tests: ['plans', 'copies'],
  },
  {
    id: 'partial-twice',
    breaks: 'the last partial sum is added twice',
    file: 'src/runtime/assembly.ts',
    find: "this.#box, partial, 'add');",
    replace:
      "this.#box, partial, 'add');\n      if (this.#nextToAdd > 0 && this.#missing === 0)\n        transferRegion(this.#staged[this.#nextToAdd]!, partial, this.buffer, this.#box, partial, 'add');",
    tests: ['assembly', 'plans'],
  },
  {
    id: 'first-partial-dropped',
    breaks: 'a partial sum takes the place of the one before it',
    file: 'src/runtime/assembly.ts',
    find: "this.#box, partial, 'add');",
    replace: "this.#box, partial, 'copy');",
    tests: ['assembly', 'plans'],
  },
  {
    id: 'activation-before-the-sum',
    breaks: 'what follows a partial sum, its bias and activation, runs when the first summand is there',
    file: 'src/runtime/assembly.ts',
    find: 'return this.#missing === 0;',
    replace: 'return this.#missing === 0 || this.#nextToAdd > 0;',
    tests: ['plans'],
  },

  // Frames, lanes and tiles
  {
    id: 'piece-of-another-frame',
    breaks: 'a tile takes the pieces of a new frame for those of the frame that it waits for',
    file: 'src/runtime/peer-epoch.ts',
    find: 'let tiles = this.#frames.get(meta.frame);',
    replace: 'let tiles = this.#frames.get(meta.frame) ?? this.#frames.values().next().value;',
    tests: ['plans'],
  },
  {
    id: 'result-of-another-frame',
    breaks: 'a frame that is done is answered with the outputs of the next one in flight',
    file: 'src/runtime/frames-in-flight.ts',
    find: 'resolve({ frame, outputs: outputs.map(({ buffer }) => buffer), latencyMs: latencyMs!, tiles });',
    replace:
      'const next = this.inFlight()[0]?.outputs ?? outputs;\n' +
      '        resolve({ frame, outputs: next.map(({ buffer }) => buffer), latencyMs: latencyMs!, tiles });',
    tests: ['plans'],
  },
  {
    id: 'lanes-mixed',
    breaks: 'frames on different lanes share the routes of the first that came',
    file: 'src/planner/compiled-plan.ts',
    find: "const key = lanes.join(',');",
    replace: 'const key = `${lanes.length}`;',
    tests: ['transfers', 'plans'],
  },
  {
    id: 'tile-of-another-lane',
    breaks: 'a peer with tiles of two lanes computes every frame with the first',
    file: 'src/runtime/serve-peer.ts',
    find: 'const loaded = epoch.tiles.get(PeerEpoch.key(pending));',
    replace:
      'const loaded = epoch.tiles.get(PeerEpoch.key({ ...pending, lane: 0 })) ?? epoch.tiles.get(PeerEpoch.key(pending));',
    tests: ['plans'],
  },
  {
    id: 'output-of-another-tensor',
    breaks: 'of a tile with several outputs, the first is delivered for all',
    file: 'src/runtime/serve-peer.ts',
    find: 'const output = pending.program.outputs.findIndex(({ tensor }) => tensor === delivery.tensor);',
    replace: 'const output = pending.program.outputs.findIndex(({ tensor }) => tensor.length > 0);',
    tests: ['plans'],
  },
  {
    id: 'output-of-another-tile',
    breaks: 'a tile delivers the start of what it made, wherever the piece lies in it',
    file: 'src/runtime/assembly.ts',
    find: 'return contiguousView(buffer, box, region) ?? cropRegion(buffer, box, region);',
    replace:
      'return (\n    contiguousView(buffer, box, region)?.map((_, i) => buffer[i]!) ?? cropRegion(buffer, box, region)\n  );',
    tests: ['assembly', 'plans'],
  },
];
