import { PeerceptronError, toPeerceptronError } from '../shared/errors.ts';
import type { Engine } from './engine.ts';
import { selfTest } from './self-test.ts';

export interface RefusedEngine<C> {
  readonly candidate: C;
  readonly reason: string;
}

export interface ChosenEngine<C> {
  readonly engine: Engine;
  readonly candidate: C;
  /** Those tried before it, in order, and why they do not serve. */
  readonly refused: readonly RefusedEngine<C>[];
}

export interface ChooseOptions {
  /** Whether an engine that rounds to half precision will do; it serves only plans with a lossy budget. Default: no. */
  readonly allowHalfPrecision?: boolean;
}

/**
 * Starts the first candidate that works here and computes the right numbers.
 * @throws ENGINE_UNAVAILABLE with every candidate's reason when none does.
 */
export async function chooseEngine<C>(
  candidates: readonly C[],
  start: (candidate: C) => Promise<Engine>,
  { allowHalfPrecision = false }: ChooseOptions = {},
): Promise<ChosenEngine<C>> {
  const refused: RefusedEngine<C>[] = [];
  for (const candidate of candidates) {
    let engine: Engine;
    try {
      engine = await start(candidate);
    } catch (error) {
      refused.push({ candidate, reason: toPeerceptronError(error).message });
      continue;
    }
    const reason = await whyNot(engine, allowHalfPrecision);
    if (reason === undefined) return { engine, candidate, refused };
    refused.push({ candidate, reason });
    // It is given up whatever its disposal says.
    await engine.dispose().catch(() => undefined);
  }
  const reasons = refused.map(({ candidate, reason }) => `${String(candidate)}: ${reason}`).join('; ');
  throw new PeerceptronError(
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
