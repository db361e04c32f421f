import { openModelFile } from '../../headless/model-files.ts';
import { boxSize } from '../../src/graph/box.ts';
import { loadModel } from '../../src/import/load-model.ts';
import { locationOf } from '../../src/import/location.ts';
import { readAll } from '../../src/weights/byte-source.ts';
import { storedSource, viewed } from '../../src/weights/stored-source.ts';
import { manifestTensors, parseWeightsManifest } from '../../src/weights/tfjs-manifest.ts';
import type { WeightSource } from '../../src/weights/weight-source.ts';
import { residentBytes, resetPeak } from '../resident-memory.ts';
import { checksumOf, type LoadedSlice, type SliceRequest } from './slice-loader.ts';

/** A peer, as far as its weights go: loads one box of one tensor over HTTP, and tells what that took. */
process.once('message', (request: SliceRequest) => {
  void load(request).then(
    (loaded) => process.send!(loaded, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function load({ url, layout, tensor, shape, box }: SliceRequest): Promise<LoadedSlice> {
  const source: WeightSource =
    layout === 'own'
      ? (await loadModel(url, { open: openModelFile })).weights
      : await manifestWeights(url, tensor, shape);
  // Code, sockets and buffers of a first read are there in any peer; they are not what a slice costs.
  await source.read(
    tensor,
    box.map(([start]) => [start, start + 1] as const),
  );
  globalThis.gc?.();
  const before = residentBytes('VmRSS');
  resetPeak();
  const startMs = performance.now();
  const slice = await source.read(tensor, box);
  const elapsedMs = performance.now() - startMs;
  const peakBytes = residentBytes('VmHWM') - before;
  return {
    elapsedMs,
    overSliceBytes: peakBytes - boxSize(box) * 4,
    checksum: checksumOf(slice),
  };
}

async function manifestWeights(url: string, tensor: string, shape: readonly number[]): Promise<WeightSource> {
  const text = new TextDecoder().decode(await readAll(openModelFile(url), 1e6, 'WEIGHTS_CORRUPT'));
  const groups = parseWeightsManifest(JSON.parse(text));
  const tensors = manifestTensors(groups, (path) => openModelFile(locationOf(url, path)));
  return storedSource(tensors.map((stored) => viewed(stored, tensor, shape)));
}
