import * as tf from '@tensorflow/tfjs-core';

type Values = Float32Array | Int32Array;

/** The bits of a tensor where it lies, without a copy; absent where reading it back would take longer than it saves. */
export type BitsOf = (tensor: tf.Tensor) => Int32Array;

interface Kept {
  readonly tensor: tf.Tensor;
  readonly fingerprint: string;
  users: number;
}

/** Elements that a fingerprint looks at: enough to tell slices of trained weights apart, whatever their size. */
const SAMPLES = 64;

/**
 * The tensors that loaded tiles keep: weights and tables. Equal values are kept once, however many tiles bring them (row
 * bands of one layer on one peer, lanes, the old and the new plan of a session), until the last of these is disposed.
 * Sameness is of bits, all of which are compared: a stranger's session cannot slip its weights into somebody else's.
 */
export class KeptTensors {
  readonly #bitsOf: BitsOf | undefined;
  readonly #onBytes: (change: number) => void;
  readonly #byFingerprint = new Map<string, Kept[]>();
  readonly #byTensor = new Map<tf.Tensor, Kept>();

  constructor(bitsOf: BitsOf | undefined, onBytes: (change: number) => void) {
    this.#bitsOf = bitsOf;
    this.#onBytes = onBytes;
  }

  /** A tensor of these values; give it back by `release`, once per call. The buffer is not held. */
  keep(values: Values, shape: readonly number[]): tf.Tensor {
    const dtype = values instanceof Int32Array ? 'int32' : 'float32';
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const fingerprint = this.#bitsOf ? `${dtype} ${shape.join('×')} ${sampled(bits)}` : '';
    const known = this.#find(fingerprint, bits);
    if (known) {
      known.users += 1;
      return known.tensor;
    }
    const kept = { tensor: tf.tensor(values, [...shape], dtype), fingerprint, users: 1 };
    this.#byTensor.set(kept.tensor, kept);
    if (this.#bitsOf) this.#byFingerprint.set(fingerprint, [...this.#alike(fingerprint), kept]);
    this.#onBytes(values.byteLength);
    return kept.tensor;
  }

  release(tensor: tf.Tensor): void {
    const kept = this.#byTensor.get(tensor);
    if (!kept || --kept.users > 0) return;
    this.#byTensor.delete(tensor);
    const others = this.#alike(kept.fingerprint).filter((other) => other !== kept);
    if (others.length > 0) this.#byFingerprint.set(kept.fingerprint, others);
    else this.#byFingerprint.delete(kept.fingerprint);
    this.#onBytes(-4 * tensor.size);
    tensor.dispose();
  }

  #alike(fingerprint: string): readonly Kept[] {
    return this.#byFingerprint.get(fingerprint) ?? [];
  }

  #find(fingerprint: string, bits: Int32Array): Kept | undefined {
    return this.#alike(fingerprint).find(({ tensor }) => sameBits(this.#bitsOf!(tensor), bits));
  }
}

function sampled(bits: Int32Array): number {
  let hash = bits.length | 0;
  const step = Math.max(1, bits.length / SAMPLES);
  for (let at = 0; at < bits.length; at += step) hash = (Math.imul(hash, 31) + bits[Math.floor(at)]!) | 0;
  return hash;
}

function sameBits(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
