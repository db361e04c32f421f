import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { chooseEngine, giveUp, noneWorks, type ChosenEngine, type RefusedEngine } from './choose.ts';
import type { Engine } from './engine.ts';
import { timeEngine } from './time-engine.ts';

export interface ChooseFastestOptions {
  readonly clock: Clock;
  /** Milliseconds for the same work on each; rejects where an engine fails. Default: `timeEngine`. */
  readonly time?: (engine: Engine) => Promise<number>;
  /** For one candidate: drivers that hang do not say so. */
  readonly limitMs?: number;
}

interface TimedEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
  readonly ms: number;
}

type Start<C> = (candidate: C) => Promise<Engine>;

const LIMIT_MS = 30_000;

/**
 * Starts one of `candidates` after the other, and keeps the one that takes the least time of those that compute the right numbers; where
 * none does, the first of `fallbacks` that works.
 * @throws ENGINE_UNAVAILABLE with everybody's reason when none does.
 */
export async function chooseFastestEngine<C>(
  candidates: readonly C[],
  fallbacks: readonly C[],
  start: Start<C>,
  options: ChooseFastestOptions,
): Promise<ChosenEngine<C>> {
  const refused: RefusedEngine<C>[] = [];
  const timesMs = new Map<C, number>();
  let best: TimedEngine<C> | undefined;
  for (const candidate of candidates) {
    const next = await timedOrRefused(candidate, start, options);
    if ('reasons' in next) {
      refused.push(...next.reasons);
      continue;
    }
    timesMs.set(candidate, next.ms);
    if (best === undefined) {
      best = next;
    } else {
      // No two at a time where one will do: each holds memory.
      const [faster, slower] = next.ms < best.ms ? [next, best] : [best, next];
      const reason = `slower: ${shown(slower.ms)} for what takes ${String(faster.candidate)} ${shown(faster.ms)}`;
      refused.push({ candidate: slower.candidate, reason, slower: true });
      await giveUp(slower.engine);
      best = faster;
    }
  }
  if (!best) return lastResort(fallbacks, start, refused);
  const { engine, candidate } = best;
  return { engine, candidate, refused, ...(timesMs.size > 1 ? { timesMs } : {}) };
}

async function timedOrRefused<C>(
  candidate: C,
  start: Start<C>,
  { clock, time = (engine) => timeEngine(engine, clock), limitMs = LIMIT_MS }: ChooseFastestOptions,
): Promise<TimedEngine<C> | { readonly reasons: readonly RefusedEngine<C>[] }> {
  const trying = timed(candidate, start, time);
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new PeerceptronError('ENGINE_FAILED', `it was not ready within ${limitMs / 1000} s`);
    cancel = clock.after(limitMs, () => reject(error));
  });
  try {
    return await Promise.race([trying, late]);
  } catch (thrown) {
    // Should it come after all, it has been given up.
    trying.then(({ engine }) => engine.dispose()).catch(() => undefined);
    const { code, details, message } = toPeerceptronError(thrown);
    return {
      reasons:
        code === 'ENGINE_UNAVAILABLE' && Array.isArray(details.refused)
          ? (details.refused as readonly RefusedEngine<C>[])
          : [{ candidate, reason: message }],
    };
  } finally {
    cancel();
  }
}

async function timed<C>(
  candidate: C,
  start: Start<C>,
  time: (engine: Engine) => Promise<number>,
): Promise<TimedEngine<C>> {
  const { engine } = await chooseEngine([candidate], start);
  try {
    return { engine, candidate, ms: await time(engine) };
  } catch (thrown) {
    await giveUp(engine);
    throw thrown;
  }
}

async function lastResort<C>(
  fallbacks: readonly C[],
  start: Start<C>,
  before: readonly RefusedEngine<C>[],
): Promise<ChosenEngine<C>> {
  try {
    const chosen = await chooseEngine(fallbacks, start);
    return { ...chosen, refused: [...before, ...chosen.refused] };
  } catch (thrown) {
    const { details } = toPeerceptronError(thrown);
    throw noneWorks([...before, ...(details.refused as readonly RefusedEngine<C>[])]);
  }
}

const shown = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
