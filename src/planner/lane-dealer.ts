/** As much of a plan as dealing takes. */
export interface DealtPlan {
  readonly segments: readonly { readonly lanes: readonly { readonly share: number }[] }[];
}

/**
 * Stamps frames with the lane that they take in every segment: smooth weighted round robin, so that shares 3:1 give
 * A A B A and not A A A B. Segments with the same shares deal in step.
 */
export class LaneDealer {
  readonly #shares: readonly (readonly number[])[];
  readonly #credit: number[][];

  constructor(plan: DealtPlan) {
    this.#shares = plan.segments.map((segment) => segment.lanes.map((lane) => lane.share));
    this.#credit = this.#shares.map((shares) => shares.map(() => 0));
  }

  /**
   * @param isFull lanes that have enough to do for now: they get nothing while another has not, and make up for it later.
   */
  next(isFull: (segment: number, lane: number) => boolean = () => false): number[] {
    return this.#shares.map((shares, segment) => {
      const credit = this.#credit[segment]!;
      const total = shares.reduce((sum, share) => sum + share, 0);
      let chosen: number | undefined;
      let first = 0;
      for (let lane = 0; lane < shares.length; lane++) {
        // Where lanes were full for long, the difference is a frame or two, not all that they have missed.
        credit[lane] = Math.min(credit[lane]! + shares[lane]!, total);
        if (credit[lane]! > credit[first]!) first = lane;
        if (shares.length === 1 || isFull(segment, lane)) continue;
        if (chosen === undefined || credit[lane]! > credit[chosen]!) chosen = lane;
      }
      chosen ??= first;
      credit[chosen] = Math.max(credit[chosen]! - total, -total);
      return chosen;
    });
  }
}
