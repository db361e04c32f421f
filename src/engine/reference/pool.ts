import { length } from '../../graph/box.ts';
import type { AvgPoolOp, GlobalPoolOp, MaxPoolOp } from '../../graph/op.ts';
import { poolWindow } from '../../graph/ops/pool.ts';
import { allocate, forEachPosition, forEachTap, slidingLoop, type Kernel } from './kernel.ts';

export const maxPool: Kernel<MaxPoolOp> = ({ op, inputs, output }) => {
  const input = inputs[0]!;
  const result = allocate(output).fill(-Infinity);
  const channels = length(output.at(-1)!);
  const { size, strides, dilations } = poolWindow(op);
  const loop = slidingLoop(input, output, size, strides, dilations);
  forEachPosition(loop, (position, index) => {
    forEachTap(loop, position, (place) => {
      for (let c = 0; c < channels; c++) {
        const value = input.data[place * channels + c]!;
        if (value > result[index * channels + c]!) result[index * channels + c] = value;
      }
    });
  });
  return result;
};

export const avgPool: Kernel<AvgPoolOp> = ({ op, inputs, output }) => {
  const input = inputs[0]!;
  const result = allocate(output);
  const channels = length(output.at(-1)!);
  const { size, strides, dilations } = poolWindow(op);
  const loop = slidingLoop(input, output, size, strides, dilations);
  const wholeWindow = op.poolSize.reduce((product, size) => product * size, 1);
  const sums = new Float64Array(channels);
  forEachPosition(loop, (position, index) => {
    sums.fill(0);
    let count = 0;
    forEachTap(loop, position, (place) => {
      count += 1;
      for (let c = 0; c < channels; c++) sums[c]! += input.data[place * channels + c]!;
    });
    const divisor = op.countPadding ? wholeWindow : count;
    for (let c = 0; c < channels; c++) result[index * channels + c] = sums[c]! / divisor;
  });
  return result;
};

export const globalPool: Kernel<GlobalPoolOp> = ({ op, inputs, output }) => {
  const { data } = inputs[0]!;
  const channels = length(output.at(-1)!);
  const places = data.length / channels;
  const totals = new Float64Array(channels).fill(op.mode === 'avg' ? 0 : -Infinity);
  for (let place = 0; place < places; place++) {
    for (let c = 0; c < channels; c++) {
      const value = data[place * channels + c]!;
      totals[c] = op.mode === 'avg' ? totals[c]! + value : Math.max(totals[c]!, value);
    }
  }
  return Float32Array.from(totals, (total) => (op.mode === 'avg' ? total / places : total));
};
