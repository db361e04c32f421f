/**
 * Which box of its inputs a tile asks for.
 *
 * @type {readonly import('./mutate.mjs').Mutant[]}
 */
export const receptiveFields = [
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
  {
    id: 'lrn-halo',
    breaks: 'a slice of channels is normalised over its own channels only',
    file: 'src/graph/ops/lrn.ts',
    find: 'size: [2 * op.radius + 1],\n  strides: [1],\n  dilations: [1],\n  padding: [[op.radius, op.radius]],',
    replace: 'size: [op.radius >= 0 ? 1 : 0],\n  strides: [1],\n  dilations: [1],\n  padding: [[0, 0]],',
    tests: ['exactness', 'plans'],
  },
  {
    id: 'upsample-extent',
    breaks: 'upsampling takes the extent of what the tile holds for that of the whole tensor',
    file: 'src/engine/reference/resample.ts',
    find: 'upsampleTap(op, axis, shape[axis]!, start + i)',
    replace: 'upsampleTap(op, axis, shape[axis]! && first + extents[axis]!, start + i)',
    tests: ['exactness'],
  },
];
