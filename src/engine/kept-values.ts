type Values = Float32Array | Int32Array;

export interface Keeper<T> {
  /** Puts the values where the engine holds them. */
  make(values: Values, shape: readonly number[]): T;
  /** The bits of what is held where it lies, without a copy; absent where reading it back would take longer than it saves. */
  readonly bitsOf?: ((held: T) => Int32Array) | undefined;
  /** Nobody uses it any more. */
  drop(held: T): void;
  /** Told of every change. */
  onBytes(change: number): void;
}

interface Kept<T> {
  readonly held: T;
  readonly sizeBytes: number;
  readonly fingerprint: string;
  users: number;
}

/** Elements that a fingerprint looks at: enough to tell slices of trained weights apart, whatever their size. */
const SAMPLES = 64;

/**
 * What loaded tiles keep: weights and tables. Equal values are kept once, however many tiles bring them (row bands of one layer
 * on one peer, lanes, the old and the new plan of a session), until the last of these is disposed.
 * Sameness is of bits, all of which are compared: a stranger's session cannot slip its weights into somebody else's.
 */
export class KeptValues<T extends object> {
  readonly #keeper: Keeper<T>;
  readonly #byFingerprint = new Map<string, Kept<T>[]>();
  readonly #byHeld = new Map<T, Kept<T>>();

  constructor(keeper: Keeper<T>) {
    this.#keeper = keeper;
  }

  /** These values where the engine holds them; give it back by `release`, once per call. */
  keep(values: Values, shape: readonly number[]): T {
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    const type = values instanceof Int32Array ? 'int32' : 'float32';
    const shared = this.#keeper.bitsOf !== undefined;
    const fingerprint = shared ? `${type} ${shape.join('×')} ${sampled(bits)}` : '';
    const known = this.#find(fingerprint, bits);
    if (known) {
      known.users += 1;
      return known.held;
    }
    const sizeBytes = values.byteLength;
    const kept = { held: this.#keeper.make(values, shape), sizeBytes, fingerprint, users: 1 };
    this.#byHeld.set(kept.held, kept);
    if (shared) this.#byFingerprint.set(fingerprint, [...this.#alike(fingerprint), kept]);
    this.#keeper.onBytes(sizeBytes);
    return kept.held;
  }

  release(held: T): void {
    const kept = this.#byHeld.get(held);
    if (!kept || --kept.users > 0) return;
    this.#byHeld.delete(held);
    const others = this.#alike(kept.fingerprint).filter((other) => other !== kept);
    if (others.length > 0) this.#byFingerprint.set(kept.fingerprint, others);
    else this.#byFingerprint.delete(kept.fingerprint);
    this.#keeper.onBytes(-kept.sizeBytes);
    this.#keeper.drop(held);
  }

  #alike(fingerprint: string): readonly Kept<T>[] {
    return this.#byFingerprint.get(fingerprint) ?? [];
  }

  #find(fingerprint: string, bits: Int32Array): Kept<T> | undefined {
    const { bitsOf } = this.#keeper;
    return bitsOf && this.#alike(fingerprint).find(({ held }) => sameBits(bitsOf(held), bits));
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
