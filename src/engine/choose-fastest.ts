import type { Clock } from '../shared/clock.ts';
import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import { chooseEngine, type ChosenEngine, type RefusedEngine } from './choose.ts';
import type { Engine } from './engine.ts';

export interface ChooseFastestOptions<C> {
  /** Those that are worth a measurement. */
  readonly candidates: readonly C[];
  /** Tried in this order, and only where none of the others works. */
  readonly fallbacks: readonly C[];
  readonly start: (candidate: C) => Promise<Engine>;
  /** Milliseconds for the same work on each; rejects where an engine fails. */
  readonly time: (engine: Engine) => Promise<number>;
  readonly clock: Clock;
  /** For one candidate: drivers that hang do not say so. */
  readonly limitMs?: number;
}

interface TimedEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
  readonly ms: number;
}

const LIMIT_MS = 30_000;

/**
 * Starts one candidate after the other, and keeps the fastest of those that compute the right numbers.
 * @throws ENGINE_UNAVAILABLE with every candidate's reason when none does.
 */
export async function chooseFastestEngine<C>(options: ChooseFastestOptions<C>): Promise<ChosenEngine<C>> {
  const refused: RefusedEngine<C>[] = [];
  let best: TimedEngine<C> | undefined;
  for (const candidate of options.candidates) {
    const next = await timedOrRefused(candidate, options);
    if ('reasons' in next) {
      refused.push(...next.reasons);
    } else if (best === undefined) {
      best = next;
    } else {
      const [faster, slower] = next.ms < best.ms ? [next, best] : [best, next];
      const reason = `slower: ${shown(slower.ms)} for what takes ${String(faster.candidate)} ${shown(faster.ms)}`;
      refused.push({ candidate: slower.candidate, reason });
      await slower.engine.dispose().catch(() => undefined);
      best = faster;
    }
  }
  return best ? { engine: best.engine, candidate: best.candidate, refused } : lastResort(options, refused);
}

async function timedOrRefused<C>(
  candidate: C,
  options: ChooseFastestOptions<C>,
): Promise<TimedEngine<C> | { readonly reasons: readonly RefusedEngine<C>[] }> {
  const { clock, limitMs = LIMIT_MS } = options;
  const trying = timed(candidate, options);
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
        code === 'ENGINE_UNAVAILABLE'
          ? (details.refused as readonly RefusedEngine<C>[])
          : [{ candidate, reason: message }],
    };
  } finally {
    cancel();
  }
}

async function timed<C>(
  candidate: C,
  { start, time }: ChooseFastestOptions<C>,
): Promise<TimedEngine<C>> {
  const { engine } = await chooseEngine([candidate], start);
  try {
    return { engine, candidate, ms: await time(engine) };
  } catch (thrown) {
    await engine.dispose().catch(() => undefined);
    throw thrown;
  }
}

async function lastResort<C>(
  { fallbacks, start }: ChooseFastestOptions<C>,
  before: readonly RefusedEngine<C>[],
): Promise<ChosenEngine<C>> {
  try {
    const chosen = await chooseEngine(fallbacks, start);
    return { ...chosen, refused: [...before, ...chosen.refused] };
  } catch (thrown) {
    const { details } = toPeerceptronError(thrown);
    const refused = [...before, ...(details.refused as readonly RefusedEngine<C>[])];
    const reasons = refused.map(({ candidate, reason }) => `${String(candidate)}: ${reason}`).join('; ');
    throw new PeerceptronError('ENGINE_UNAVAILABLE', `no compute engine works here (${reasons})`, {
      cause: thrown,
      details: { refused },
    });
  }
}

const shown = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
