import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { Engine } from './engine.ts';
import { selfTest } from './self-test.ts';
import { timeEngines } from './time-engines.ts';

export interface RefusedEngine<C> {
  readonly candidate: C;
  readonly reason: string;
  /** It is not there, which need not be a fault. */
  readonly missing?: true;
}

export interface ChosenEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
  /** Those tried before it, in order, and why they do not serve. */
  readonly refused: readonly RefusedEngine<C>[];
  /** What each of those took that were compared, milliseconds for the same tile. Absent: there was nothing to compare. */
  readonly timesMs?: ReadonlyMap<C, number>;
}

export interface ChooseOptions {
  /** Whether an engine that rounds to half precision will do; it serves only plans with a lossy budget. Default: no. */
  readonly allowHalfPrecision?: boolean;
}

type Start<C> = (candidate: C) => Promise<Engine>;

/**
 * Starts the first candidate that works here and computes the right numbers.
 * @throws ENGINE_UNAVAILABLE with every candidate's reason when none does.
 */
export async function chooseEngine<C>(
  candidates: readonly C[],
  start: Start<C>,
  options: ChooseOptions = {},
): Promise<ChosenEngine<C>> {
  const refused: RefusedEngine<C>[] = [];
  for (const candidate of candidates) {
    const tried = await tryEngine(candidate, start, options);
    if ('engine' in tried) return { ...tried, refused };
    refused.push(tried);
  }
  throw noneWorks(refused);
}

/**
 * Starts all `candidates`, and of those that compute the right numbers keeps the one that takes the least time for the same tile;
 * where none does, the first of `fallbacks` that works.
 * @throws ENGINE_UNAVAILABLE with everybody's reason when none does.
 */
export async function chooseFastestEngine<C>(
  candidates: readonly C[],
  fallbacks: readonly C[],
  start: Start<C>,
  options: ChooseOptions = {},
): Promise<ChosenEngine<C>> {
  const refused: RefusedEngine<C>[] = [];
  const working: WorkingEngine<C>[] = [];
  for (const candidate of candidates) {
    const tried = await tryEngine(candidate, start, options);
    if ('engine' in tried) working.push(tried);
    else refused.push(tried);
  }
  const [first, ...others] = working;
  if (!first) {
    try {
      const chosen = await chooseEngine(fallbacks, start, options);
      return { ...chosen, refused: [...refused, ...chosen.refused] };
    } catch (error) {
      const { details } = toPeerceptronError(error);
      throw noneWorks([...refused, ...((details.refused ?? []) as readonly RefusedEngine<C>[])]);
    }
  }
  if (others.length === 0) return { ...first, refused };
  const times = await timeEngines(working.map(({ engine }) => engine));
  const timesMs = new Map(working.map(({ candidate }, index) => [candidate, times[index]!]));
  const fastest = working[times.indexOf(Math.min(...times))]!;
  for (const { engine } of working) if (engine !== fastest.engine) await giveUp(engine);
  return { ...fastest, refused, timesMs };
}

interface WorkingEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
}

async function tryEngine<C>(
  candidate: C,
  start: Start<C>,
  { allowHalfPrecision = false }: ChooseOptions,
): Promise<WorkingEngine<C> | RefusedEngine<C>> {
  let engine: Engine;
  try {
    engine = await start(candidate);
  } catch (error) {
    const { message, details } = toPeerceptronError(error);
    return { candidate, reason: message, ...(details.missing === true ? { missing: true } : {}) };
  }
  const reason = await whyNot(engine, allowHalfPrecision);
  if (reason === undefined) return { engine, candidate };
  await giveUp(engine);
  return { candidate, reason };
}

/** Whatever its disposal says. */
const giveUp = (engine: Engine): Promise<void> => engine.dispose().catch(() => undefined);

function noneWorks<C>(refused: readonly RefusedEngine<C>[]): PeerceptronError {
  const reasons = refused.map(({ candidate, reason }) => `${String(candidate)}: ${reason}`).join('; ');
  return new PeerceptronError(
    'ENGINE_UNAVAILABLE',
    `no compute engine works here (${reasons || 'none was named'})`,
    {
      details: { refused },
    },
  );
}

async function whyNot(engine: Engine, allowHalfPrecision: boolean): Promise<string | undefined> {
  if (engine.accuracy === 'f16' && !allowHalfPrecision) {
    return 'it computes in half precision only, which exact plans cannot use';
  }
  const result = await selfTest(engine);
  return result.passed ? undefined : result.reason;
}
