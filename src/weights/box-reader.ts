import { boxShape, boxSize, checkBox, isEmpty, shapeSize, type Box, type Shape } from '../graph/box.ts';
import { PeerceptronError } from '../shared/errors.ts';
import { streamOf, type ByteSource } from './byte-source.ts';
import { decodeElements, ELEMENT_SIZE_BYTES, type ElementType, type Quantization } from './element-type.ts';
import { inParallel, withTensor } from './parallel.ts';

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
/** One request. Its bytes are taken as they come; what is held are its runs. */
const REQUEST_BYTES = 8 * 1024 * 1024;
const REQUEST_RUNS = 16_384;
const REQUESTS_IN_FLIGHT = 3;

/** Consecutive bytes to read, with the runs of elements to keep of them. */
interface Request {
  readonly startBytes: number;
  readonly endBytes: number;
  /** Triples: where in the request (bytes), how many elements, where in the box, in the file's order (elements). */
  readonly runs: readonly number[];
}

/**
 * Reads `box` of the tensor as float32, row-major in `shape`'s order. A box that is contiguous in the file is read
 * by itself; of a strided one small gaps are read through. Elements go from the arriving bytes right to their places: beside the
 * result nothing is held that grows with the box, whatever the order of the file.
 * @throws BOX_INVALID, WEIGHTS_CORRUPT (the file ends early), WEIGHTS_UNAVAILABLE, naming the tensor; or the signal's reason.
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
  const requests = requestsOf(fileShape, fileBox, ELEMENT_SIZE_BYTES[tensor.elementType]);
  const place = order ? permutedPlace(result, boxShape(fileBox), order) : straightPlace(result);
  await inParallel(REQUESTS_IN_FLIGHT, signal, async (stop) => {
    const next = requests.next();
    if (next.done) return false;
    await readRequest(tensor, next.value, place, stop);
    return true;
  });
  return result;
}

/** Puts `count` elements, the first at `bytes[offsetBytes]`, at `index` of the box in the file's order. */
type Place = (
  tensor: StoredTensor,
  bytes: Uint8Array,
  offsetBytes: number,
  count: number,
  index: number,
) => void;

const straightPlace =
  (result: Float32Array): Place =>
  ({ elementType, quantization }, bytes, offsetBytes, count, index) =>
    decodeElements(elementType, bytes, offsetBytes, count, result, index, quantization);

async function readRequest(
  tensor: StoredTensor,
  { startBytes, endBytes, runs }: Request,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = ELEMENT_SIZE_BYTES[tensor.elementType];
  const lengthBytes = endBytes - startBytes;
  let received = 0;
  let run = 0;
  try {
    const stream = streamOf(tensor.bytes, tensor.offsetBytes + startBytes, lengthBytes, signal);
    for await (const piece of wholeElements(stream, sizeBytes)) {
      signal.throwIfAborted();
      const stop = received + piece.length;
      for (; run < runs.length && runs[run]! < stop; run += 3) {
        const runStart = runs[run]!;
        const runStop = runStart + runs[run + 1]! * sizeBytes;
        const from = Math.max(runStart, received);
        const to = Math.min(runStop, stop);
        const index = runs[run + 2]! + (from - runStart) / sizeBytes;
        if (to > from) place(tensor, piece, from - received, (to - from) / sizeBytes, index);
        if (runStop > stop) break;
      }
      received = stop;
    }
  } catch (thrown) {
    if (thrown instanceof PeerceptronError) throw withTensor(thrown, tensor.name);
    throw thrown;
  }
  if (received >= lengthBytes) return;
  const needed = tensor.offsetBytes + shapeSize(tensor.shape) * sizeBytes;
  throw new PeerceptronError(
    'WEIGHTS_CORRUPT',
    `weight tensor '${tensor.name}' reaches to byte ${needed} of ${tensor.bytes.name}, but the file ends before: download it again`,
    { details: { tensor: tensor.name, source: tensor.bytes.name } },
  );
}

/** The same bytes in pieces of whole elements; what is cut off at the end of the stream is dropped. */
async function* wholeElements(
  stream: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  const split = new Uint8Array(sizeBytes);
  let filled = 0;
  for await (const chunk of stream) {
    let from = 0;
    if (filled > 0) {
      from = Math.min(sizeBytes - filled, chunk.length);
      split.set(chunk.subarray(0, from), filled);
      filled += from;
      if (filled < sizeBytes) continue;
      yield split;
    }
    filled = (chunk.length - from) % sizeBytes;
    if (chunk.length - filled > from) yield chunk.subarray(from, chunk.length - filled);
    split.set(chunk.subarray(chunk.length - filled));
  }
}

/** The reads that a box of a row-major tensor takes, lazily and in file order. */
function* requestsOf(shape: Shape, box: Box, sizeBytes: number): Generator<Request, undefined> {
  const perRequest = Math.floor(REQUEST_BYTES / sizeBytes);
  let startBytes = 0;
  let endBytes = -1;
  let runs: number[] = [];
  let kept = 0;
  for (const [first, count] of runsOf(shape, box)) {
    for (let done = 0; done < count;) {
      const from = (first + done) * sizeBytes;
      const goesOn =
        endBytes >= 0 &&
        from - endBytes <= GAP_BYTES &&
        from - startBytes < REQUEST_BYTES - sizeBytes &&
        runs.length < REQUEST_RUNS * 3;
      if (!goesOn) {
        if (runs.length > 0) yield { startBytes, endBytes, runs };
        startBytes = from;
        runs = [];
      }
      const room = perRequest - Math.floor((from - startBytes) / sizeBytes);
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

/** Decoded at a time where elements do not stay neighbours. */
const WINDOW_ELEMENTS = 4096;

/** From file order to the order in which the tensor is served. */
function permutedPlace(result: Float32Array, fileShape: readonly number[], order: readonly number[]): Place {
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
  const window = new Float32Array(WINDOW_ELEMENTS);
  const counter = new Array<number>(rank).fill(0);
  return ({ elementType, quantization }, bytes, offsetBytes, count, index) => {
    let to = 0;
    for (let axis = rank - 1, rest = index; axis >= 0; axis--) {
      counter[axis] = rest % fileShape[axis]!;
      rest = (rest - counter[axis]!) / fileShape[axis]!;
      to += counter[axis]! * step[axis]!;
    }
    for (let done = 0; done < count;) {
      const taken = Math.min(WINDOW_ELEMENTS, count - done);
      const at = offsetBytes + done * ELEMENT_SIZE_BYTES[elementType];
      decodeElements(elementType, bytes, at, taken, window, 0, quantization);
      for (let i = 0; i < taken; i++) {
        result[to] = window[i]!;
        for (let axis = rank - 1; axis >= 0; axis--) {
          counter[axis]! += 1;
          to += step[axis]!;
          if (counter[axis]! < fileShape[axis]!) break;
          to -= fileShape[axis]! * step[axis]!;
          counter[axis] = 0;
        }
      }
      done += taken;
    }
  };
}
