import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { Engine } from './engine.ts';
import { selfTest } from './self-test.ts';

export interface RefusedEngine<C> {
  readonly candidate: C;
  readonly reason: string;
  /** It is not there, which need not be a fault. */
  readonly missing?: true;
  /** It computes right, and another one is faster. */
  readonly slower?: true;
}

export interface ChosenEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
  /** The others that were tried, in order, and why they do not serve. */
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
export const giveUp = (engine: Engine): Promise<void> => engine.dispose().catch(() => undefined);

/** The error where every candidate was refused. */
export function noneWorks<C>(refused: readonly RefusedEngine<C>[]): PeerceptronError {
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
