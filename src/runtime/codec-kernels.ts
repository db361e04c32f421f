import { codec } from '../kernels/codec.wasm.ts';
import { startKernels } from '../kernels/kernel-binary.ts';
import { installCodecLoops, plainLoops, type CodecLoops } from '../protocol/codec/loops.ts';

interface CodecExports {
  f16Encode(source: number, target: number, count: number): void;
  f16Decode(source: number, target: number, count: number): void;
  u8Measure(source: number, count: number, high: number, low: number, channel: number, period: number): void;
  u8Encode(source: number, target: number, count: number, inverse: number, zeroAndHalf: number, channel: number, period: number): void; // prettier-ignore
  u8Decode(source: number, target: number, count: number, scale: number, zero: number, channel: number, period: number): void; // prettier-ignore
}

/** Numbers that go through the kernels' memory at once: few enough for the first cache, whole vectors. */
const BLOCK = 8192;
/** Below this, the plain loops are done before the copies would be. */
const SHORT = 256;
/** Channels for which there is room; more of them have the plain loops. */
const MOST_CHANNELS = 4096;

/** Entries of a table: see kernels/codec.ts. */
const VECTOR = 16;
const ENTRIES = MOST_CHANNELS + VECTOR;
const periodOf = (channels: number): number => channels * Math.ceil(VECTOR / channels);

const SOURCE = 0;
const TARGET = SOURCE + BLOCK * 4;
const INVERSE = TARGET + BLOCK * 4;
const ZERO_AND_HALF = INVERSE + ENTRIES * 8;
const SCALE = ZERO_AND_HALF + ENTRIES * 8;
const ZERO = SCALE + ENTRIES * 4;
const HIGH = ZERO + ENTRIES * 4;
const LOW = HIGH + ENTRIES * 4;
const MEMORY_BYTES = LOW + ENTRIES * 4;
const PAGE_BYTES = 65_536;

/**
 * The codecs' loops in WebAssembly, with a memory of 300 kB of their own: numbers are copied in and out, block by block. The same bits
 * as `plainLoops`. Undefined where the platform has no SIMD.
 */
export async function startCodecKernels(): Promise<CodecLoops | undefined> {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(MEMORY_BYTES / PAGE_BYTES) });
  const kernels = await startKernels<CodecExports>(codec, memory);
  return kernels && loopsOf(kernels.exports, memory.buffer);
}

let installing: Promise<boolean> | undefined;

/**
 * For programs, once at their start: from then on this thread encodes and decodes with the kernels. False where they do not run, and
 * the plain loops do the same, slower. Never rejects.
 */
export const installCodecKernels = (): Promise<boolean> => (installing ??= install());

async function install(): Promise<boolean> {
  try {
    const loops = await startCodecKernels();
    if (loops) installCodecLoops(loops);
    return loops !== undefined;
  } catch {
    // No WebAssembly, or no memory for it: nothing that a peer could not do without.
    return false;
  }
}

function loopsOf(kernels: CodecExports, memory: ArrayBuffer): CodecLoops {
  const source = {
    words: new Uint32Array(memory, SOURCE, BLOCK),
    bits: new Int32Array(memory, SOURCE, BLOCK),
    numbers: new Float32Array(memory, SOURCE, BLOCK),
    bytes: new Uint8Array(memory, SOURCE, BLOCK * 2),
  };
  const target = {
    words: new Uint32Array(memory, TARGET, BLOCK),
    numbers: new Float32Array(memory, TARGET, BLOCK),
    halves: new Uint16Array(memory, TARGET, BLOCK),
    bytes: new Uint8Array(memory, TARGET, BLOCK),
  };
  const inverses = new Float64Array(memory, INVERSE, ENTRIES);
  const zerosAndHalves = new Float64Array(memory, ZERO_AND_HALF, ENTRIES);
  const scales = new Float32Array(memory, SCALE, ENTRIES);
  const zeros = new Float32Array(memory, ZERO, ENTRIES);
  const highs = new Int32Array(memory, HIGH, ENTRIES);
  const lows = new Uint32Array(memory, LOW, ENTRIES);
  /** Whose tables lie in the memory. */
  let tablesOfSteps: unknown;
  let tablesOfScales: unknown;

  return {
    encodeF16(bits, from, count, halves, at) {
      if (count < SHORT) return plainLoops.encodeF16(bits, from, count, halves, at);
      inBlocks(count, (done, length) => {
        source.words.set(bits.subarray(from + done, from + done + length));
        kernels.f16Encode(SOURCE, TARGET, length);
        halves.set(target.halves.subarray(0, length), at + done);
      });
    },

    decodeF16(bytes, from, count, bits, at) {
      if (count < SHORT) return plainLoops.decodeF16(bytes, from, count, bits, at);
      inBlocks(count, (done, length) => {
        source.bytes.set(bytes.subarray(from + done * 2, from + (done + length) * 2));
        kernels.f16Decode(SOURCE, TARGET, length);
        bits.set(target.words.subarray(0, length), at + done);
      });
    },

    measureU8(bits, from, count, channel, high, low) {
      const channels = high.length;
      // What is measured goes back into the caller's list after every call.
      if (count < Math.max(SHORT, channels * 2) || channels > MOST_CHANNELS) {
        return plainLoops.measureU8(bits, from, count, channel, high, low);
      }
      const period = periodOf(channels);
      fillTable(highs, high, period);
      fillTable(lows, low, period);
      inBlocks(count, (done, length) => {
        source.bits.set(bits.subarray(from + done, from + done + length));
        // Up to the end of the vector: zeros change no range.
        source.bits.fill(0, length, Math.ceil(length / VECTOR) * VECTOR);
        kernels.u8Measure(SOURCE, length, HIGH, LOW, (channel + done) % channels, period);
      });
      // What the repetitions have seen counts for their channels.
      for (let entry = channels; entry < period + VECTOR; entry++) {
        const c = entry % channels;
        highs[c] = Math.max(highs[c]!, highs[entry]!);
        lows[c] = Math.max(lows[c]!, lows[entry]!);
      }
      high.set(highs.subarray(0, channels));
      low.set(lows.subarray(0, channels));
    },

    encodeU8(values, from, count, channel, steps, codes, at) {
      const channels = steps.inverse.length;
      if (count < SHORT || channels > MOST_CHANNELS) {
        return plainLoops.encodeU8(values, from, count, channel, steps, codes, at);
      }
      const period = periodOf(channels);
      if (tablesOfSteps !== steps) {
        fillTable(inverses, steps.inverse, period);
        fillTable(zerosAndHalves, steps.zeroAndHalf, period);
        tablesOfSteps = steps;
      }
      inBlocks(count, (done, length) => {
        source.numbers.set(values.subarray(from + done, from + done + length));
        const first = (channel + done) % channels;
        kernels.u8Encode(SOURCE, TARGET, length, INVERSE, ZERO_AND_HALF, first, period);
        codes.set(target.bytes.subarray(0, length), at + done);
      });
    },

    decodeU8(codes, from, count, channel, of, values, at) {
      const channels = of.scale.length;
      if (count < SHORT || channels > MOST_CHANNELS) {
        return plainLoops.decodeU8(codes, from, count, channel, of, values, at);
      }
      const period = periodOf(channels);
      if (tablesOfScales !== of) {
        fillTable(scales, of.scale, period);
        fillTable(zeros, of.zero, period);
        tablesOfScales = of;
      }
      inBlocks(count, (done, length) => {
        source.bytes.set(codes.subarray(from + done, from + done + length));
        kernels.u8Decode(SOURCE, TARGET, length, SCALE, ZERO, (channel + done) % channels, period);
        values.set(target.numbers.subarray(0, length), at + done);
      });
    },
  };
}

function inBlocks(count: number, block: (done: number, length: number) => void): void {
  for (let done = 0; done < count; done += BLOCK) block(done, Math.min(BLOCK, count - done));
}

type Table = Float32Array | Float64Array | Int32Array | Uint32Array;

/** The channels' entries over and over, `period` of them and the first once more. */
function fillTable(table: Table, channels: Table | Uint8Array, period: number): void {
  table.set(channels);
  for (let entry = channels.length; entry < period + VECTOR; entry++) {
    table[entry] = table[entry - channels.length]!;
  }
}
