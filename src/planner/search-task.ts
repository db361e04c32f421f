import type { PlanChoice, PlanRequest } from './choice.ts';
import { plainWorld, worldOf, type PlainWorld } from './plain-world.ts';
import { choosePlan } from './search.ts';

/** A search for a plan that can be sent to another thread. */
export interface SearchTask extends Omit<PlanRequest, 'world' | 'isTimeUp'> {
  readonly world: PlainWorld;
  /** The best plan so far counts then, milliseconds; without it the search ends by itself. */
  readonly searchTimeMs?: number;
}

/** Runs it, here or on another thread. Rejects with what `choosePlan` throws. */
export type PlanSearch = (task: SearchTask) => Promise<PlanChoice>;

export const searchTask = (request: Omit<PlanRequest, 'isTimeUp'>, searchTimeMs?: number): SearchTask => ({
  ...request,
  world: plainWorld(request.world),
  ...(searchTimeMs === undefined ? {} : { searchTimeMs }),
});

/** On this thread, which does nothing else meanwhile: seconds on a slow device. Throws what `choosePlan` throws. */
export function runSearch({ searchTimeMs, world, ...request }: SearchTask, now: () => number): PlanChoice {
  const since = now();
  return choosePlan({
    ...request,
    world: worldOf(world),
    ...(searchTimeMs === undefined ? {} : { isTimeUp: () => now() - since > searchTimeMs }),
  });
}
