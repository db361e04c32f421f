import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Test files by the short names that mutants use. */
export const testFiles = {
  adaptive: 'test/unit/runtime/adaptive-session.test.ts',
  assembly: 'test/unit/runtime/assembly.test.ts',
  f16: 'test/unit/protocol/codec/f16.test.ts',
  'clock-offset': 'test/unit/runtime/trace/clock-offset.test.ts',
  'codec-kernels': 'test/unit/runtime/codec-kernels.test.ts',
  'compute-queue': 'test/unit/runtime/compute-queue.test.ts',
  copies: 'test/unit/graph/region-copy.test.ts',
  disconnection: 'test/unit/transport/disconnection.test.ts',
  engine: 'test/contract/engine-tfjs-wasm.test.ts',
  epoch: 'test/unit/runtime/peer-epoch.test.ts',
  epochs: 'test/unit/runtime/epochs.test.ts',
  exactness: 'test/unit/engine/exactness.test.ts',
  fold: 'test/unit/graph/fold.test.ts',
  'frame-queue': 'test/unit/runtime/frame-queue.test.ts',
  fusion: 'test/unit/graph/fusion.test.ts',
  'held-tiles': 'test/unit/runtime/held-tiles.test.ts',
  kernels: 'test/unit/engine/reference.test.ts',
  leases: 'test/unit/runtime/leases.test.ts',
  ops: 'test/unit/graph/ops.test.ts',
  'peer-trace': 'test/unit/runtime/trace/peer-trace.test.ts',
  pieces: 'test/unit/protocol/codec/piece.test.ts',
  plans: 'test/unit/runtime/random-plans.test.ts',
  'random-splits': 'test/unit/planner/random-splits.test.ts',
  seeded: 'test/unit/weights/seeded-source.test.ts',
  splits: 'test/unit/planner/splits.test.ts',
  tfjs: 'test/contract/engine-random.test.ts',
  tiles: 'test/unit/graph/tile-program.test.ts',
  'trace-summary': 'test/unit/runtime/trace/summary.test.ts',
  transfers: 'test/unit/planner/compiled-plan.test.ts',
  u8: 'test/unit/protocol/codec/u8.test.ts',
};

/**
 * The source with the defect in it. Throws unless the text to find occurs exactly once.
 *
 * @param {import('./mutate.mjs').Mutant} mutant
 * @param {string} source
 */
export function mutate({ id, file, find, replace }, source) {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `mutant out of date: the text that '${id}' replaces occurs ${parts.length - 1} times in ${file}, not once`,
    );
  }
  return parts.join(replace);
}

/**
 * A Vite plugin that puts one mutant's defect into its file while it is loaded; the files on disk stay as they are.
 * Without an id it does nothing.
 *
 * @param {string | undefined} id
 */
export function mutantPlugin(id) {
  const mutant = mutants.find((candidate) => candidate.id === id);
  if (id && !mutant) throw new Error(`there is no mutant '${id}'`);
  const target = mutant && join(root, mutant.file).replaceAll('\\', '/');
  return {
    name: 'peerceptron:mutant',
    enforce: 'pre',
    transform(source, path) {
      if (!mutant || path.split('?')[0] !== target) return undefined;
      return { code: mutate(mutant, source), map: null };
    },
  };
}
