/** The last pictures of a source, oldest first, for networks that look at a whole clip. */
export class ClipBuffer {
  readonly #frames: number;
  #kept: Uint8ClampedArray[] = [];
  #added = 0;

  constructor(frames: number) {
    this.#frames = frames;
  }

  /** Pictures that have been added so far. */
  get added(): number {
    return this.#added;
  }

  /** All of one size; the buffer keeps them as they are. */
  add(picture: Uint8ClampedArray): void {
    this.#added += 1;
    this.#kept.push(picture);
    if (this.#kept.length > this.#frames) this.#kept.shift();
  }

  /** The clip as one buffer, its first axis the frames; nothing before there are enough of them. */
  clip(): Uint8ClampedArray | undefined {
    if (this.#kept.length < this.#frames) return undefined;
    const { length } = this.#kept[0]!;
    const clip = new Uint8ClampedArray(length * this.#frames);
    this.#kept.forEach((picture, index) => clip.set(picture, index * length));
    return clip;
  }
}
