import { movesFrom, type MoveContext } from './draft-moves.ts';
import { better, type Scored, type Scorer } from './scoring.ts';

export interface ImproveOptions extends MoveContext {
  readonly scorer: Scorer;
  /** Drafts that may be scored. */
  readonly attempts: number;
  readonly isTimeUp: () => boolean;
}

/** Steps to the first better draft around, until there is none or the attempts are used up. */
export function improve(start: Scored, options: ImproveOptions): Scored {
  const { scorer, attempts, isTimeUp } = options;
  let best = start;
  let left = attempts;
  for (let moved = true; moved;) {
    moved = false;
    for (const draft of movesFrom(best, options)) {
      if (left <= 0 || isTimeUp()) return best;
      left -= 1;
      const scored = scorer.score(draft, best.codec, best.cost);
      if (!scored || !better(scored, best)) continue;
      best = scored;
      moved = true;
      break;
    }
  }
  return best;
}
