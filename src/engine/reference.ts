import { boxEquals, boxSize, isEmpty, type Box } from '../graph/box.ts';
import type { Op, OpKind } from '../graph/op.ts';
import { cropRegion } from '../graph/region-copy.ts';
import { slotBox, type TileProgram, type TileStep } from '../graph/tile-program.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { Engine, LoadedTile, TileResult } from './engine.ts';
import { activation } from './reference/activation.ts';
import { batchNorm, bias, concat, identity, merge, pad, reshape, softmax } from './reference/elementwise.ts';
import type { Kernel, KernelInput } from './reference/kernel.ts';
import { conv, dense } from './reference/linear.ts';
import { avgPool, globalPool, maxPool } from './reference/pool.ts';
import { lrn, upsample } from './reference/resample.ts';

const kernels: { readonly [K in OpKind]: Kernel<Extract<Op, { kind: K }>> } = {
  conv,
  dense,
  bias,
  'batch-norm': batchNorm,
  'max-pool': maxPool,
  'avg-pool': avgPool,
  'global-pool': globalPool,
  merge,
  concat,
  pad,
  reshape,
  activation,
  softmax,
  lrn,
  upsample,
  identity,
};

/**
 * Plain loops, one kernel per op: the oracle that the other engines and every split are compared with. Sums are kept in
 * double precision and in an order that does not depend on the box, so that tilings without partial sums agree with the
 * whole to the bit.
 */
export function createReferenceEngine(): Engine {
  const loaded = new Map<LoadedTile, readonly Float32Array[]>();
  let disposed = false;
  return {
    name: 'reference',
    accuracy: 'f32',
    async load(program, weights) {
      if (disposed) throw new PeerceptronError('ENGINE_FAILED', 'the reference engine was disposed');
      checkBuffers('weight', program.weights, weights);
      const tile: LoadedTile = {
        async run(inputs) {
          if (!loaded.has(tile))
            throw new PeerceptronError('ENGINE_FAILED', 'this tile was disposed; load it again');
          return runProgram(program, weights, inputs);
        },
        async weight(index) {
          return loaded.get(tile)?.[index]?.slice();
        },
        async dispose() {
          loaded.delete(tile);
        },
      };
      loaded.set(tile, weights);
      return tile;
    },
    async memory() {
      const buffers = [...loaded.values()].flat();
      return {
        tensors: buffers.length,
        bytes: buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0),
      };
    },
    async dispose() {
      disposed = true;
      loaded.clear();
    },
  };
}

function runProgram(
  program: TileProgram,
  weights: readonly Float32Array[],
  inputs: readonly Float32Array[],
): TileResult {
  const startMs = performance.now();
  checkBuffers('input', program.inputs, inputs);
  const slots: Float32Array[] = [...inputs];
  for (const step of program.steps) slots.push(runStep(program, step, slots, weights));
  const outputs = program.outputs.map(({ slot, box }) =>
    cropRegion(slots[slot]!, slotBox(program, slot), box),
  );
  return { outputs, computeMs: performance.now() - startMs };
}

function runStep(
  program: TileProgram,
  step: TileStep,
  slots: readonly Float32Array[],
  weights: readonly Float32Array[],
): Float32Array {
  const inputs = step.inputs.map(({ slot, region, padding }, i): KernelInput => {
    if (isEmpty(region)) return { data: new Float32Array(0), region, padding, shape: step.inputShapes[i]! };
    const held = slotBox(program, slot);
    const buffer = slots[slot]!;
    const data = boxEquals(held, region) ? buffer : cropRegion(buffer, held, region);
    return { data, region, padding, shape: step.inputShapes[i]! };
  });
  const kernel = kernels[step.op.kind] as Kernel<Op>;
  const output = kernel({
    op: step.op,
    inputs,
    weights: new Map(
      step.weights.map(({ role, index }) => {
        const weight = weights[index];
        if (!weight) throw new PeerceptronError('ENGINE_FAILED', `op "${step.node}" has no weight ${role}`);
        return [role, weight];
      }),
    ),
    output: step.output,
  });
  if (output.length !== boxSize(step.output)) {
    throw new PeerceptronError('ENGINE_FAILED', `op "${step.node}" made ${output.length} elements`);
  }
  return output;
}

/** Throws `ENGINE_FAILED` unless there is one buffer per box, each as long as its box. */
function checkBuffers(
  what: string,
  wanted: readonly { readonly box: Box }[],
  buffers: readonly Float32Array[],
): void {
  if (buffers.length !== wanted.length) {
    throw new PeerceptronError(
      'ENGINE_FAILED',
      `the tile takes ${wanted.length} ${what} buffers, not ${buffers.length}`,
    );
  }
  for (const [index, { box }] of wanted.entries()) {
    const size = isEmpty(box) ? 0 : boxSize(box);
    if (buffers[index]!.length !== size) {
      throw new PeerceptronError(
        'ENGINE_FAILED',
        `${what} ${index} of the tile has ${size} elements, its buffer ${buffers[index]!.length}`,
      );
    }
  }
}
