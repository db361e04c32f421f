import type { Dataset, File as OpenedFile, Group } from 'h5wasm';
import { shapeSize, type Range, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { StoredTensor } from './box-reader.ts';
import type { ByteSource } from './byte-source.ts';
import type { H5File } from './h5.ts';

/** What of h5wasm it takes, whichever build of it: for Node, for browsers. */
interface H5Library {
  readonly ready: Promise<unknown>;
  readonly File: new (path: string, mode: 'r') => OpenedFile;
}

/** Opens the file for one use, and closes it again: nothing has to be disposed of. */
type WithFile = <T>(use: (file: OpenedFile) => T) => Promise<T>;

/** Caps on what a file may make us list. */
const LIMITS = { depth: 16, tensors: 100_000 } as const;

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** So much of the start of a file tells whether it is one. */
export const SIGNATURE_LIMIT_BYTES = 4096;

/** At the start, or behind a user block of 512 bytes or a power of two times that. */
function hasSignature(start: Uint8Array): boolean {
  const isAt = (offset: number): boolean => SIGNATURE.every((byte, index) => start[offset + index] === byte);
  for (let offset = 512; offset < start.length; offset *= 2) if (isAt(offset)) return true;
  return isAt(0);
}

/**
 * What an .h5 file holds. Data sets are read where they lie, the asked elements only: never the whole file. Compressed ones cost a
 * whole chunk of the file per read, as HDF5 stores them.
 *
 * `name` is for messages, `start` the file's first `SIGNATURE_LIMIT_BYTES`, `path` where the library finds it.
 * @throws WEIGHTS_CORRUPT
 */
export async function readH5(
  name: string,
  start: Uint8Array,
  path: string,
  load: () => Promise<H5Library>,
): Promise<H5File> {
  if (!hasSignature(start)) throw corrupt(name, 'it is no HDF5 file');
  const withFile: WithFile = async (use) => {
    const library = await load();
    await library.ready;
    return useFile(name, new library.File(path, 'r'), use);
  };
  return withFile((file): H5File => {
    const weights = file.keys().includes('model_weights') ? file.get('model_weights') : file;
    const tensors: StoredTensor[] = [];
    if (isGroup(weights)) list({ name, withFile }, weights, '', tensors, 0);
    const config = file.attrs['model_config']?.value;
    return { tensors, ...(typeof config === 'string' ? { modelConfig: config } : {}) };
  });
}

function useFile<T>(name: string, file: OpenedFile, use: (file: OpenedFile) => T): T {
  // The library does not throw: it hands out an id that is none.
  if (file.file_id <= 0n) throw corrupt(name, 'it cannot be opened; perhaps it was not downloaded whole');
  try {
    return use(file);
  } catch (cause) {
    if (cause instanceof PeerceptronError) throw cause;
    throw corrupt(name, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    file.close();
  }
}

const corrupt = (name: string, what: string, cause?: unknown): PeerceptronError =>
  new PeerceptronError('WEIGHTS_CORRUPT', `${name} is not a sound .h5 file: ${what}`, { cause });

const isGroup = (entity: unknown): entity is Group =>
  typeof entity === 'object' && entity !== null && 'type' in entity && entity.type === 'Group';
const isDataset = (entity: unknown): entity is Dataset =>
  typeof entity === 'object' && entity !== null && 'type' in entity && entity.type === 'Dataset';

interface Opened {
  readonly name: string;
  readonly withFile: WithFile;
}

function list(opened: Opened, group: Group, prefix: string, tensors: StoredTensor[], depth: number): void {
  if (depth > LIMITS.depth) throw corrupt(opened.name, `its groups nest deeper than ${LIMITS.depth}`);
  for (const key of group.keys()) {
    const entity = group.get(key);
    const name = `${prefix}${key}`;
    if (isGroup(entity)) list(opened, entity, `${name}/`, tensors, depth + 1);
    // Links to elsewhere are left alone: a model must not make its readers open other files.
    if (!isDataset(entity) || !entity.shape || typeof entity.dtype !== 'string') continue;
    if (!/^[<>|]?[fbBhHiIlLqQ]$/.test(entity.dtype)) continue;
    if (tensors.length >= LIMITS.tensors)
      throw corrupt(opened.name, `it holds more than ${LIMITS.tensors} data sets`);
    const bytes = datasetBytes(opened, entity.path, entity.shape);
    tensors.push({ name, shape: entity.shape, bytes, offsetBytes: 0, elementType: 'float32' });
  }
}

/** A data set's elements, row-major, as float32 bytes. */
function datasetBytes({ name, withFile }: Opened, dataset: string, shape: Shape): ByteSource {
  const sizeBytes = shapeSize(shape) * 4;
  return {
    name: `${name}:${dataset}`,
    size: async () => sizeBytes,
    read: async (offsetBytes, lengthBytes, signal) => {
      signal?.throwIfAborted();
      const first = Math.floor(offsetBytes / 4);
      const last = Math.ceil(Math.min(offsetBytes + lengthBytes, sizeBytes) / 4);
      const elements = new Float32Array(Math.max(0, last - first));
      await withFile((file) => {
        const source = file.get(dataset);
        if (!isDataset(source)) throw corrupt(name, `'${dataset}' is gone`);
        let filled = 0;
        for (const slab of slabsOf(shape, first, last)) {
          const values = slab.length === 0 ? [source.value] : source.slice(slab.map(([a, b]) => [a, b]));
          if (!isNumbers(values)) throw corrupt(name, `'${dataset}' does not hold numbers`);
          if (values instanceof Float32Array) elements.set(values, filled);
          else for (const [index, value] of [...values].entries()) elements[filled + index] = Number(value);
          filled += values.length;
        }
      });
      const skip = offsetBytes - first * 4;
      return new Uint8Array(elements.buffer).subarray(skip, skip + lengthBytes);
    },
  };
}

const isNumbers = (values: unknown): values is ArrayLike<number | bigint> & Iterable<number | bigint> =>
  (ArrayBuffer.isView(values) && !(values instanceof DataView)) || Array.isArray(values);

/** A run of elements as boxes, in order: part of a row, whole rows, part of a row. */
export function slabsOf(shape: Shape, start: number, end: number): Range[][] {
  if (start >= end) return [];
  if (shape.length === 0) return [[]];
  if (shape.length === 1) return [[[start, end]]];
  const rest = shape.slice(1);
  const inner = shapeSize(rest);
  const partOf = (row: number, from: number, to: number): Range[][] =>
    slabsOf(rest, from - row * inner, to - row * inner).map((slab) => [[row, row + 1], ...slab]);
  const firstWhole = Math.ceil(start / inner);
  const lastWhole = Math.floor(end / inner);
  if (firstWhole > lastWhole) return partOf(lastWhole, start, end);
  return [
    ...partOf(firstWhole - 1, start, firstWhole * inner),
    ...(firstWhole < lastWhole
      ? [[[firstWhole, lastWhole] as Range, ...rest.map((extent): Range => [0, extent])]]
      : []),
    ...partOf(lastWhole, lastWhole * inner, end),
  ];
}
