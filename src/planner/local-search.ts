import { movesFrom, type MoveContext } from './draft-moves.ts';
import { better, type Scored, type Scorer } from './scoring.ts';

export interface ImproveOptions extends MoveContext {
  readonly scorer: Scorer;
  /** Drafts that may be scored. */
  readonly attempts: number;
  readonly isTimeUp: () => boolean;
}

/** Large steps first: a small one in a wrong direction is hard to take back. */
const LEAST_GAINS = [0.03, 0.004, 1e-9];

/** Steps to the first draft around that is better by enough, until there is none or the attempts are used up. */
export function improve(start: Scored, options: ImproveOptions): Scored {
  const { scorer, attempts, isTimeUp } = options;
  let best = start;
  let left = attempts;
  let level = 0;
  for (;;) {
    // Where no step is large enough, the first of the largest kind there was.
    let step: Scored | undefined;
    let size = LEAST_GAINS.length;
    for (const draft of movesFrom(best, options)) {
      if (left <= 0 || isTimeUp()) return step ?? best;
      const scored = scorer.score(draft, best.codec, best.cost);
      // What is known already, or cannot be, took no time.
      if (scored && !scorer.wasKnown) left -= 1;
      if (!scored || !better(scored, best)) continue;
      const reached = LEAST_GAINS.findIndex((gain) => scored.cost <= best.cost * (1 - gain) + 1e-12);
      if (reached < 0 || reached >= size) continue;
      step = scored;
      size = reached;
      if (reached <= level) break;
    }
    if (!step) return best;
    best = step;
    level = Math.max(level, size);
  }
}
