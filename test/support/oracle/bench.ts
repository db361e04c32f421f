import * as tf from '@tensorflow/tfjs';

/** Whole weight tensors by name. The shape is what the paper's layer needs, whatever the other side believes. */
export type Take = (name: string, shape: readonly number[]) => Promise<Float32Array>;

/** What a network made, by the name of its layer. */
export type Made = ReadonlyMap<string, Float32Array>;

export type Volume = tf.Tensor4D;

/**
 * Where a network is computed by direct TensorFlow.js calls, layer after layer: weights come when they are needed and go
 * right after, so that even VGG16 fits beside another model. A clip is a batch of frames `[d, h, w, c]`, a picture a
 * batch of one.
 */
export class Bench {
  readonly #take: Take;
  readonly #made = new Map<string, Float32Array>();

  constructor(take: Take) {
    this.#take = take;
  }

  get made(): Made {
    return this.#made;
  }

  weight(name: string, shape: readonly number[]): Promise<tf.Tensor> {
    return this.#take(name, shape).then((data) => tf.tensor(data, [...shape]));
  }

  /** Frees `spent` and whatever `compute` leaves over. */
  step<T extends tf.Tensor>(spent: readonly tf.Tensor[], compute: () => T): T {
    const result = tf.tidy(compute);
    tf.dispose([...spent]);
    return result;
  }

  /** Keeps a copy of what a layer made, to be compared. */
  note(name: string, tensor: tf.Tensor): void {
    this.#made.set(name, Float32Array.from(tensor.dataSync()));
  }

  /** A fully connected layer over whatever precedes it, in row-major order; frees `x`. */
  async connected(name: string, x: tf.Tensor, units: number): Promise<tf.Tensor2D> {
    const kernel = await this.weight(`${name}/kernel`, [x.size, units]);
    const bias = await this.weight(`${name}/bias`, [units]);
    return this.step([x, kernel, bias], () =>
      tf.add(tf.matMul(tf.reshape(x, [1, x.size]), kernel as tf.Tensor2D), bias),
    );
  }

  /** The last layer: scores of the classes, then their probabilities. */
  async classified(name: string, x: tf.Tensor, classes: number): Promise<Made> {
    const scores = await this.connected(name, x, classes);
    this.note(`${name}/bias`, scores);
    const probabilities = this.step([scores], () => tf.softmax(scores));
    this.note(name, probabilities);
    probabilities.dispose();
    return this.#made;
  }
}

/** Zeros around every frame. */
export const zeroPad = (x: Volume, width: number): Volume =>
  tf.pad(x, [
    [0, 0],
    [width, width],
    [width, width],
    [0, 0],
  ]);
