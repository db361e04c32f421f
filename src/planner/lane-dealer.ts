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

  next(): number[] {
    return this.#shares.map((shares, segment) => {
      const credit = this.#credit[segment]!;
      let chosen = 0;
      let total = 0;
      for (let lane = 0; lane < shares.length; lane++) {
        credit[lane]! += shares[lane]!;
        total += shares[lane]!;
        if (credit[lane]! > credit[chosen]!) chosen = lane;
      }
      credit[chosen]! -= total;
      return chosen;
    });
  }
}
