import { boxSize, formatShape, shapeSize, type Box, type Range, type Shape } from '../graph/box.ts';
import { cropRegion } from '../graph/region-copy.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { BLOCK_BYTES, serializeLayout, type LayoutEntry } from '../weights/layout.ts';
import { panelGrid, panelsOf, partRange, type PanelGrid } from '../weights/panel-grid.ts';
import { safetensorsHeader } from '../weights/safetensors.ts';
import { sha256Hex } from '../weights/sha256.ts';
import type { WeightSource, WeightTensor } from '../weights/weight-source.ts';

/** Where a weights file is written: pieces come in any order, each byte once. */
export interface WeightsSink {
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
}

/** A weights file before its first byte is written. */
export interface WeightsFilePlan {
  readonly header: Uint8Array;
  readonly tensors: readonly PlannedTensor[];
  readonly sizeBytes: number;
}

export interface PlannedTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly grid: PanelGrid;
  /** From the start of the file. */
  readonly offsetBytes: number;
}

/**
 * Plans the weights file of tensors in our layout. It is a sound safetensors file; a tensor that is cut into panels stands in
 * its header as a flat list of its elements, because what other programs would make of its shape were not its elements.
 */
export function planWeightsFile(
  tensors: Iterable<WeightTensor>,
  metadata: Readonly<Record<string, string>>,
): WeightsFilePlan {
  const gridded = [...tensors].map(({ name, shape }) => ({ name, shape, grid: panelGrid(shape) }));
  const header = safetensorsHeader(
    gridded.map(({ name, shape, grid }) => ({
      name,
      shape: grid.every((parts) => parts === 1) ? shape : [shapeSize(shape)],
    })),
    metadata,
  );
  let offsetBytes = header.length;
  const planned = gridded.map((tensor): PlannedTensor => {
    const start = offsetBytes;
    offsetBytes += shapeSize(tensor.shape) * 4;
    return { ...tensor, offsetBytes: start };
  });
  return { header, tensors: planned, sizeBytes: offsetBytes };
}

export interface WriteWeightsOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told after every piece: bytes written so far, of `plan.sizeBytes`. */
  readonly onProgress?: ((writtenBytes: number) => void) | undefined;
}

/** Held of a tensor at a time: whole panels, as many as fit. */
const GROUP_BYTES = 24 * 1024 * 1024;

/**
 * Writes the planned file, a group of panels of a tensor at a time, and returns the text of its layout file. What is
 * held is about as much as one group (24 MiB; more where a single panel is larger), whatever the size of the model.
 * @throws what the source and the sink throw; WEIGHTS_CORRUPT where the source gives other than it announces
 */
export async function writeWeights(
  plan: WeightsFilePlan,
  source: WeightSource,
  sink: WeightsSink,
  { signal, onProgress }: WriteWeightsOptions = {},
): Promise<string> {
  await sink.write(0, plan.header);
  let written = plan.header.length;
  onProgress?.(written);
  const entries: LayoutEntry[] = [];
  for (const tensor of plan.tensors) {
    const { name, shape, grid, offsetBytes } = tensor;
    const panels = panelPlaces(tensor);
    const hashes = new Array<string>(panels.length).fill('');
    for (const group of groupsOf(shape, grid, source.tensors.get(name)?.storageOrder)) {
      signal?.throwIfAborted();
      const data = await source.read(name, group, signal);
      if (data.length !== boxSize(group)) {
        throw new PeerceptronError(
          'WEIGHTS_CORRUPT',
          `weight tensor '${name}' of shape ${formatShape(shape)}: the source gave ${data.length} elements, ${boxSize(group)} were asked for`,
        );
      }
      for (const { index, box } of panelsOf(shape, grid, group)) {
        const values = cropRegion(data, group, box);
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        hashes[index] = await blockHashes(bytes);
        await sink.write(offsetBytes + panels[index]!, bytes);
        written += bytes.length;
        onProgress?.(written);
      }
    }
    entries.push({ name, shape, grid, sha256: hashes.join('') });
  }
  return serializeLayout({ headerBytes: plan.header.length, tensors: entries });
}

/** Where each panel begins, from the start of its tensor. */
function panelPlaces({ shape, grid }: PlannedTensor): number[] {
  const places: number[] = [];
  let offset = 0;
  const whole = shape.map((extent): Range => [0, extent]);
  for (const { box } of panelsOf(shape, grid, whole)) {
    places.push(offset);
    offset += boxSize(box) * 4;
  }
  return places;
}

async function blockHashes(panel: Uint8Array): Promise<string> {
  const hashes: Promise<string>[] = [];
  for (let at = 0; at < panel.length; at += BLOCK_BYTES) {
    hashes.push(sha256Hex(panel.subarray(at, at + BLOCK_BYTES)));
  }
  return (await Promise.all(hashes)).join('');
}

/**
 * Boxes of whole panels that together are the tensor, cut along the axes that are slowest in the source's file first: so
 * each is read in few pieces, whatever the order of the source.
 */
export function* groupsOf(
  shape: Shape,
  grid: PanelGrid,
  order = [...shape.keys()] as readonly number[],
): Generator<Box> {
  if (shapeSize(shape) === 0) return;
  yield* cut(
    shape.map((extent): Range => [0, extent]),
    0,
  );

  function* cut(box: Box, place: number): Generator<Box> {
    const axis = order[place];
    if (axis === undefined || boxSize(box) * 4 <= GROUP_BYTES) {
      yield box;
      return;
    }
    for (let part = 0; part < grid[axis]!; part++) {
      yield* cut(box.with(axis, partRange(shape[axis]!, grid[axis]!, part)), place + 1);
    }
  }
}
