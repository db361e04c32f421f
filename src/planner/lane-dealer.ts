/** As much of a plan as dealing takes. */
export interface DealtPlan {
  readonly segments: readonly { readonly lanes: readonly { readonly share: number }[] }[];
}

/** Frames in flight that take a lane. */
export type InFlight = (segment: number, lane: number) => number;

/** Less than that is rounding. */
const NOTHING = 1e-9;

/**
 * Stamps frames with the lane that they take in every segment: the one that has least to do for its share, so that no lane is idle while another
 * has frames waiting, and a lane that is quicker than its share gets more. Among equals by smooth weighted round robin: shares 3:1 give
 * A A B A and not A A A B. Segments with the same shares deal in step.
 */
export class LaneDealer {
  readonly #shares: readonly (readonly number[])[];
  readonly #credit: number[][];

  constructor(plan: DealtPlan) {
    this.#shares = plan.segments.map((segment) => segment.lanes.map((lane) => lane.share));
    this.#credit = this.#shares.map((shares) => shares.map(() => 0));
  }

  next(inFlight: InFlight = () => 0): number[] {
    return this.#shares.map((shares, segment) => {
      if (shares.length === 1) return 0;
      const credit = this.#credit[segment]!;
      const total = shares.reduce((sum, share) => sum + share, 0);
      let chosen = 0;
      let least = Infinity;
      for (let lane = 0; lane < shares.length; lane++) {
        // Where lanes were busy for long, the difference is a frame or two, not all that they have missed.
        credit[lane] = Math.min(credit[lane]! + shares[lane]!, total);
        const load = inFlight(segment, lane) / shares[lane]!;
        if (load > least + NOTHING || (load > least - NOTHING && credit[lane]! <= credit[chosen]!)) continue;
        chosen = lane;
        least = load;
      }
      credit[chosen] = Math.max(credit[chosen]! - total, -total);
      return chosen;
    });
  }
}

/**
 * The most frames of a window that `LaneDealer` ever deals to a lane at a time, so that its devices need room for no more: it has the least to do
 * for its share then, hence no more than its part of the others.
 */
export function laneFrames(
  lanes: readonly { readonly share: number }[],
  lane: number,
  window: number,
): number {
  if (lanes.length === 1) return window;
  const part = lanes[lane]!.share / lanes.reduce((sum, { share }) => sum + share, 0);
  return Math.min(window, Math.floor(part * (window - 1) + 1 + 1e-6));
}
