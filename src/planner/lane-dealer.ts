export interface DealtLane {
  readonly share: number;
}

/** As much of a plan as dealing takes. */
export interface DealtPlan {
  readonly segments: readonly { readonly lanes: readonly DealtLane[] }[];
}

/** Frames in flight that were dealt to a lane and that have not passed it yet. */
export type Waiting = (segment: number, lane: number) => number;

/** One that is computed, and one that is there when that is done: what else is in flight goes by shares. */
const BUSY_FRAMES = 2;
/** Less than that is rounding. */
const NOTHING = 1e-9;

/** Segments that deal in step. */
interface Run {
  readonly first: number;
  readonly last: number;
  readonly shares: readonly number[];
  readonly total: number;
  /** That there is room for in each lane. */
  readonly most: readonly number[];
  readonly credit: number[];
}

/**
 * Stamps frames with the lane that they take in every segment: one that has none or one to do, as far as there is room for a second, or else the
 * one that has least to do for its share. So no lane is idle while another has frames waiting, and a lane that is quicker than its share gets
 * more. Among equals by smooth weighted round robin: shares 3:1 give
 * A A B A and not A A A B. Segments behind each other with the same shares deal in step, by what has not passed the last of them.
 */
export class LaneDealer {
  readonly #runs: readonly Run[];

  /** @param window most frames in flight; they need not have room in lanes where nobody says */
  constructor({ segments }: DealtPlan, window = Infinity) {
    const runs: Run[] = [];
    for (const [index, { lanes }] of segments.entries()) {
      const shares = lanes.map(({ share }) => share);
      const before = runs.at(-1);
      if (before && dealInStep(segments[before.last]!.lanes, lanes))
        runs[runs.length - 1] = { ...before, last: index };
      else {
        const most = lanes.map((_, lane) => laneFrames(lanes, lane, window));
        const total = shares.reduce((sum, share) => sum + share, 0);
        runs.push({ first: index, last: index, shares, total, most, credit: shares.map(() => 0) });
      }
    }
    this.#runs = runs;
  }

  next(waiting: Waiting = () => 0): number[] {
    const lanes: number[] = [];
    for (const run of this.#runs) {
      const lane = run.shares.length === 1 ? 0 : choose(run, waiting);
      for (let segment = run.first; segment <= run.last; segment++) lanes.push(lane);
    }
    return lanes;
  }
}

function choose({ last, shares, total, most, credit }: Run, waiting: Waiting): number {
  let chosen = 0;
  let least = Infinity;
  for (let lane = 0; lane < shares.length; lane++) {
    // Where lanes were busy for long, the difference is a frame or two, not all that they have missed.
    credit[lane] = Math.min(credit[lane]! + shares[lane]!, total);
    const load = loadOf(waiting(last, lane), most[lane]!, shares[lane]!);
    if (load > least + NOTHING || (load > least - NOTHING && credit[lane]! <= credit[chosen]!)) continue;
    chosen = lane;
    least = load;
  }
  credit[chosen] = Math.max(credit[chosen]! - total, -total);
  return chosen;
}

function loadOf(frames: number, most: number, share: number): number {
  if (frames >= most) return Infinity;
  return frames < BUSY_FRAMES ? frames - BUSY_FRAMES : frames / share;
}

/** Whether a frame takes the same lane of both: of segments behind each other, those whose shares are the same. */
export const dealInStep = (a: readonly DealtLane[], b: readonly DealtLane[]): boolean =>
  a.length === b.length && a.every(({ share }, index) => share === b[index]!.share);

/**
 * The most frames of a window that `LaneDealer` ever has on a lane at a time, so that its devices need room for no more: as many as it has when it
 * is dealt one and has the least to do for its share, hence no more than its part of the others. All lanes together have room for the window.
 */
export function laneFrames(lanes: readonly DealtLane[], lane: number, window: number): number {
  if (lanes.length === 1) return window;
  const part = lanes[lane]!.share / lanes.reduce((sum, { share }) => sum + share, 0);
  return Math.min(window, Math.floor(part * (window - 1) + 1 + 1e-6));
}
