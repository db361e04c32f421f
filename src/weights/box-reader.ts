import { boxShape, boxSize, checkBox, isEmpty, shapeSize, type Box, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import type { ByteSource } from './byte-source.ts';
import { decodeElements, ELEMENT_SIZE_BYTES, type ElementType, type Quantization } from './element-type.ts';

/** A dense, row-major tensor somewhere in a source of bytes. */
export interface StoredTensor {
  readonly name: string;
  /** As it is served. */
  readonly shape: Shape;
  /**
   * Axes of `shape` in the order in which the file stores them, outermost first, where that differs (another
   * framework's layout): file axis `i` is axis `storageOrder[i]`.
   */
  readonly storageOrder?: readonly number[];
  readonly bytes: ByteSource;
  readonly offsetBytes: number;
  readonly elementType: ElementType;
  readonly quantization?: Quantization;
}

/** Reading this much for nothing is cheaper than asking again. */
const GAP_BYTES = 64 * 1024;
/** One request; also what is held at a time beside the result (times the requests in flight). */
const CHUNK_BYTES = 8 * 1024 * 1024;
const CHUNKS_IN_FLIGHT = 3;

/** Consecutive bytes to read, with the runs of elements to keep of them. */
interface Chunk {
  readonly startBytes: number;
  readonly endBytes: number;
  /** Triples: where in the chunk (bytes), how many elements, where in the result (elements). */
  readonly runs: readonly number[];
}

/**
 * Reads `box` of the tensor as float32, row-major in `shape`'s order. A box that is contiguous in the file is read
 * by itself; of a strided one small gaps are read through, a bounded buffer at a time: never the whole tensor at
 * once to keep a slice.
 * @throws BOX_INVALID, WEIGHTS_CORRUPT (the file ends early), WEIGHTS_UNAVAILABLE, or the signal's reason.
 */
export async function readStoredBox(
  tensor: StoredTensor,
  box: Box,
  signal?: AbortSignal,
): Promise<Float32Array> {
  signal?.throwIfAborted();
  checkBox(box, tensor.shape, `weight tensor '${tensor.name}'`);
  const result = new Float32Array(boxSize(box));
  if (isEmpty(box)) return result;
  const order = tensor.storageOrder;
  const fileShape = order ? order.map((axis) => tensor.shape[axis]!) : tensor.shape;
  const fileBox = order ? order.map((axis) => box[axis]!) : box;
  const chunks = chunksOf(fileShape, fileBox, ELEMENT_SIZE_BYTES[tensor.elementType]);
  // By hand, because not every phone's browser knows `AbortSignal.any`.
  const stop = new AbortController();
  const pass = (): void => stop.abort(signal?.reason);
  signal?.addEventListener('abort', pass, { once: true });
  const drain = async (): Promise<void> => {
    for (let next = chunks.next(); !next.done; next = chunks.next()) {
      await readChunk(tensor, next.value, result, stop.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, drain));
  } catch (error) {
    stop.abort();
    throw error;
  } finally {
    signal?.removeEventListener('abort', pass);
  }
  return order ? permuted(result, boxShape(fileBox), order) : result;
}

async function readChunk(
  tensor: StoredTensor,
  chunk: Chunk,
  result: Float32Array,
  signal: AbortSignal,
): Promise<void> {
  const lengthBytes = chunk.endBytes - chunk.startBytes;
  const bytes = await tensor.bytes.read(tensor.offsetBytes + chunk.startBytes, lengthBytes, signal);
  signal.throwIfAborted();
  if (bytes.length < lengthBytes) {
    const needed = tensor.offsetBytes + shapeSize(tensor.shape) * ELEMENT_SIZE_BYTES[tensor.elementType];
    throw new PeerceptronError(
      'WEIGHTS_CORRUPT',
      `weight tensor '${tensor.name}' reaches to byte ${needed} of ${tensor.bytes.name}, but the file ends before: download it again`,
      { details: { tensor: tensor.name, source: tensor.bytes.name } },
    );
  }
  for (let i = 0; i < chunk.runs.length; i += 3) {
    decodeElements(
      tensor.elementType,
      bytes,
      chunk.runs[i]!,
      chunk.runs[i + 1]!,
      result,
      chunk.runs[i + 2]!,
      tensor.quantization,
    );
  }
}

/** The reads that a box of a row-major tensor takes, lazily and in file order. */
function* chunksOf(shape: Shape, box: Box, sizeBytes: number): Generator<Chunk, undefined> {
  const perChunk = Math.floor(CHUNK_BYTES / sizeBytes);
  let startBytes = 0;
  let endBytes = -1;
  let runs: number[] = [];
  let kept = 0;
  for (const [first, count] of runsOf(shape, box)) {
    for (let done = 0; done < count;) {
      const from = (first + done) * sizeBytes;
      const close =
        endBytes >= 0 && from - endBytes <= GAP_BYTES && from - startBytes < CHUNK_BYTES - sizeBytes;
      if (!close) {
        if (runs.length > 0) yield { startBytes, endBytes, runs };
        startBytes = from;
        runs = [];
      }
      const room = perChunk - Math.floor((from - startBytes) / sizeBytes);
      const take = Math.min(count - done, room);
      runs.push(from - startBytes, take, kept);
      endBytes = from + take * sizeBytes;
      done += take;
      kept += take;
    }
  }
  if (runs.length > 0) yield { startBytes, endBytes, runs };
}

/** Contiguous runs of elements of a box, in order: `[first element, count]`. */
export function* runsOf(shape: Shape, box: Box): Generator<readonly [first: number, count: number]> {
  const strides = new Array<number>(shape.length);
  let size = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = size;
    size *= shape[axis]!;
  }
  // Axes that the box holds whole join the run of the axis before them.
  let inner = shape.length;
  let run = 1;
  while (inner > 0) {
    inner -= 1;
    const extent = box[inner]![1] - box[inner]![0];
    run *= extent;
    if (extent !== shape[inner]!) break;
  }
  let first = 0;
  for (let axis = 0; axis < shape.length; axis++) first += box[axis]![0] * strides[axis]!;
  const counter = new Array<number>(inner).fill(0);
  for (;;) {
    yield [first, run];
    let axis = inner - 1;
    for (; axis >= 0; axis--) {
      const extent = box[axis]![1] - box[axis]![0];
      counter[axis]! += 1;
      first += strides[axis]!;
      if (counter[axis]! < extent) break;
      first -= extent * strides[axis]!;
      counter[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** From file order to the order in which the tensor is served. */
function permuted(data: Float32Array, fileShape: readonly number[], order: readonly number[]): Float32Array {
  const rank = fileShape.length;
  const shape = new Array<number>(rank);
  for (let i = 0; i < rank; i++) shape[order[i]!] = fileShape[i]!;
  const targetStrides = new Array<number>(rank);
  let stride = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    targetStrides[axis] = stride;
    stride *= shape[axis]!;
  }
  const step = order.map((axis) => targetStrides[axis]!);
  const result = new Float32Array(data.length);
  const counter = new Array<number>(rank).fill(0);
  let to = 0;
  for (let from = 0; from < data.length; from++) {
    result[to] = data[from]!;
    for (let axis = rank - 1; axis >= 0; axis--) {
      counter[axis]! += 1;
      to += step[axis]!;
      if (counter[axis]! < fileShape[axis]!) break;
      to -= fileShape[axis]! * step[axis]!;
      counter[axis] = 0;
    }
  }
  return result;
}
