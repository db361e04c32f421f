import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoredTensor } from '../../src/weights/box-reader.ts';
import { originBlocks } from '../../src/weights/block-reader.ts';
import { blockSource } from '../../src/weights/block-source.ts';
import { memoryBytes, type ByteSource } from '../../src/weights/byte-source.ts';
import { fileBytes } from '../../src/weights/file-source.ts';
import { httpBytes } from '../../src/weights/http-source.ts';
import { memorySource, type MemoryTensor } from '../../src/weights/memory-source.ts';
import { readSafetensors, safetensorsSource, writeSafetensors } from '../../src/weights/safetensors.ts';
import { storedSource, viewed } from '../../src/weights/stored-source.ts';
import { manifestTensors, parseWeightsManifest } from '../../src/weights/tfjs-manifest.ts';
import { serveBytes } from '../support/byte-server.ts';
import { laidOut } from '../support/laid-out.ts';
import { manifestOf, type ManifestOptions } from '../support/weights-manifest.ts';
import { weightSourceSuite, type WeightSourceUnderTest } from './weight-source-suite.ts';

/** The file lost its last 1000 bytes after its header was read. */
function shortened(tensor: StoredTensor): StoredTensor {
  const bytes: ByteSource = {
    ...tensor.bytes,
    async *stream(offset, length, signal) {
      yield await bytes.read(offset, length, signal);
    },
    read: async (offset, length, signal) => {
      const end = (await tensor.bytes.size()) - 1000;
      return tensor.bytes.read(offset, Math.max(0, Math.min(length, end - offset)), signal);
    },
  };
  return { ...tensor, bytes };
}

weightSourceSuite({
  name: 'in memory',
  tolerance: 0,
  truncates: false,
  make: async (tensors) => ({ source: memorySource(tensors) }),
});

weightSourceSuite({
  name: 'safetensors file',
  tolerance: 0,
  truncates: true,
  async make(tensors) {
    const folder = await mkdtemp(join(tmpdir(), 'peerceptron-weights-'));
    const path = join(folder, 'weights.safetensors');
    await writeFile(path, writeSafetensors(tensors));
    const { tensors: stored } = await readSafetensors(fileBytes(path));
    return {
      source: await safetensorsSource(fileBytes(path)),
      truncated: storedSource(stored.map(shortened)),
      close: () => rm(folder, { recursive: true }),
    };
  },
});

for (const ranges of [true, false]) {
  weightSourceSuite({
    name: `safetensors from a server ${ranges ? 'with' : 'without'} Range`,
    tolerance: 0,
    truncates: true,
    async make(tensors) {
      const bytes = writeSafetensors(tensors);
      const server = await serveBytes({ weights: bytes, short: bytes.subarray(0, -1000) }, { ranges });
      const open = (name: string) => httpBytes(`${server.url}/${name}`);
      const { tensors: stored } = await readSafetensors(open('weights'));
      return {
        source: storedSource(stored),
        truncated: storedSource(stored.map((tensor) => ({ ...tensor, bytes: open('short') }))),
        close: () => server.close(),
      };
    },
  });
}

for (const place of ['in memory', 'on a server']) {
  weightSourceSuite({
    name: `our own layout, ${place}`,
    tolerance: 0,
    truncates: true,
    async make(tensors) {
      const { bytes, layout } = await laidOut(
        memorySource(tensors),
        new Map([
          ['fc/kernel', [7, 1, 2, 3]],
          ['wide', [1, 7]],
        ]),
      );
      const short = bytes.subarray(0, -1000);
      const over = (...copies: ByteSource[]) => blockSource(layout, originBlocks(copies));
      if (place === 'in memory') {
        return { source: over(memoryBytes('w', bytes)), truncated: over(memoryBytes('w', short)) };
      }
      const server = await serveBytes({ weights: bytes, short });
      return {
        source: over(httpBytes(`${server.url}/weights`)),
        truncated: over(httpBytes(`${server.url}/short`)),
        close: () => server.close(),
      };
    },
  });
}

function manifestUnderTest(
  tensors: readonly MemoryTensor[],
  options: ManifestOptions,
): WeightSourceUnderTest {
  const { manifest, files } = manifestOf(tensors, options);
  const groups = parseWeightsManifest(manifest);
  const open = (path: string) => memoryBytes(path, files.get(path)!);
  const lastPath = groups.at(-1)!.paths.at(-1)!;
  const short = (path: string) =>
    memoryBytes(path, path === lastPath ? files.get(path)!.subarray(0, -100) : files.get(path)!);
  return {
    source: storedSource(manifestTensors(groups, open)),
    truncated: storedSource(manifestTensors(groups, short)),
  };
}

weightSourceSuite({
  name: 'TensorFlow.js manifest, one group per tensor',
  tolerance: 0,
  truncates: true,
  make: async (tensors) => manifestUnderTest(tensors, { groupSize: 1, shardBytes: Infinity }),
});

weightSourceSuite({
  name: 'TensorFlow.js manifest, many shards that cut through elements',
  tolerance: 0,
  truncates: true,
  make: async (tensors) => manifestUnderTest(tensors, { groupSize: 5, shardBytes: 70_001 }),
});

for (const [quantized, tolerance] of [
  ['uint8', 0.02],
  ['uint16', 1e-4],
  ['float16', 1e-3],
] as const) {
  weightSourceSuite({
    name: `TensorFlow.js manifest, ${quantized}`,
    tolerance,
    truncates: true,
    make: async (tensors) => manifestUnderTest(tensors, { groupSize: 3, shardBytes: 10_000, quantized }),
  });
}

weightSourceSuite({
  name: 'views of tensors of another shape',
  tolerance: 0,
  truncates: true,
  async make(tensors) {
    const flat = tensors.map((tensor) => ({ ...tensor, shape: [tensor.data.length] }));
    const { tensors: stored } = await readSafetensors(memoryBytes('weights', writeSafetensors(flat)));
    const views = stored.map((tensor) =>
      viewed(tensor, tensor.name, tensors.find(({ name }) => name === tensor.name)!.shape),
    );
    return { source: storedSource(views), truncated: storedSource(views.map(shortened)) };
  },
});

weightSourceSuite({
  name: "another framework's order of axes",
  tolerance: 0,
  truncates: true,
  async make(tensors) {
    // Stored with the axes reversed, as [units, …, inputs].
    const reversed = tensors.map((tensor) => reverseAxes(tensor));
    const { tensors: stored } = await readSafetensors(memoryBytes('weights', writeSafetensors(reversed)));
    const views = stored.map((tensor) => ({
      ...tensor,
      shape: tensor.shape.toReversed(),
      storageOrder: tensor.shape.map((_, axis) => tensor.shape.length - 1 - axis),
    }));
    return { source: storedSource(views), truncated: storedSource(views.map(shortened)) };
  },
});

function reverseAxes({ name, shape, data }: MemoryTensor): MemoryTensor {
  const reversed = shape.toReversed();
  const result = new Float32Array(data.length);
  data.forEach((value, flat) => {
    let rest = flat;
    let to = 0;
    // The last axis of `shape` is the outermost of the result.
    const index = shape.toReversed().map((extent) => {
      const at = rest % extent;
      rest = (rest - at) / extent;
      return at;
    });
    reversed.forEach((extent, axis) => (to = to * extent + index[axis]!));
    result[to] = value;
  });
  return { name, shape: reversed, data: result };
}
