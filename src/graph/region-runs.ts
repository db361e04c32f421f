import { boxShape, boxSize, type Box } from './box.ts';

/** `count` units from `at` of the buffer are those from `from` of the region. */
export type VisitRun = (at: number, from: number, count: number) => void;

/**
 * Where `region` lies in a buffer that holds `box`, both row-major and in the coordinates of the whole tensor: in runs of
 * consecutive elements, so that any stretch of the region can be read or written without a copy of the rest.
 */
export class RegionRuns {
  readonly #size: number;
  readonly #run: number;
  readonly #base: number;
  /** Of the axes outside the run, the innermost first: extents of the region, and steps in the buffer. */
  readonly #extents: readonly number[];
  readonly #steps: readonly number[];

  /** `unit`: everything is counted in units, this many to an element (4 for the bytes of float32). */
  constructor(box: Box, region: Box, unit = 1) {
    const held = boxShape(box);
    const extents = boxShape(region);
    const steps = new Array<number>(held.length);
    let step = unit;
    let base = 0;
    for (let axis = held.length - 1; axis >= 0; axis--) {
      steps[axis] = step;
      base += (region[axis]![0] - box[axis]![0]) * step;
      step *= held[axis]!;
    }
    let outer = held.length;
    let run = unit;
    // An axis belongs to the run while everything inside it is taken whole.
    while (outer > 0 && run === steps[outer - 1]!) {
      outer -= 1;
      run *= extents[outer]!;
    }
    // Axes of one element add nothing.
    const axes = extents
      .map((extent, axis) => ({ extent, step: steps[axis]! }))
      .slice(0, outer)
      .filter(({ extent }) => extent !== 1)
      .reverse();
    this.#extents = axes.map(({ extent }) => extent);
    this.#steps = axes.map((axis) => axis.step);
    this.#size = boxSize(region) * unit;
    this.#run = run;
    this.#base = base;
  }

  /** Units in the region. */
  get size(): number {
    return this.#size;
  }

  /** Where the whole region begins, if it is one run. */
  get contiguousAt(): number | undefined {
    return this.#extents.length === 0 || this.#size === 0 ? this.#base : undefined;
  }

  /** The runs that hold units `[start, end)` of the region, in order. */
  visit(start: number, end: number, visit: VisitRun): void {
    const run = this.#run;
    const rank = this.#extents.length;
    if (start >= end) return;
    if (rank === 0) {
      visit(this.#base + start, start, end - start);
      return;
    }
    const counter = new Array<number>(rank);
    let at = this.#base;
    let rest = Math.floor(start / run);
    for (let axis = 0; axis < rank; axis++) {
      const extent = this.#extents[axis]!;
      counter[axis] = rest % extent;
      rest = Math.floor(rest / extent);
      at += counter[axis]! * this.#steps[axis]!;
    }
    let inside = start % run;
    for (let from = start; from < end;) {
      const count = Math.min(run - inside, end - from);
      visit(at + inside, from, count);
      from += count;
      inside = 0;
      for (let axis = 0; axis < rank; axis++) {
        at += this.#steps[axis]!;
        if (++counter[axis]! < this.#extents[axis]!) break;
        at -= this.#steps[axis]! * this.#extents[axis]!;
        counter[axis] = 0;
      }
    }
  }
}
