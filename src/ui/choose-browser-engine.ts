import { chooseEngine, type ChosenEngine } from '../engine/choose.ts';
import { chooseFastestEngine } from '../engine/choose-fastest.ts';
import type { Engine } from '../engine/engine.ts';
import type { EngineBackend } from '../engine/worker-protocol.ts';
import type { Clock } from '../shared/clock.ts';
import { engineCandidates, type GraphicsFacts } from './engine-candidates.ts';

export interface ChooseBrowserEngineOptions {
  readonly graphics: GraphicsFacts;
  readonly userAgent: string;
  readonly start: (backend: EngineBackend) => Promise<Engine>;
  readonly clock: Clock;
  /** What of `localStorage` is needed; it throws where a browser forbids it. */
  readonly storage: () => Pick<Storage, 'getItem' | 'setItem'>;
}

const ITEM = 'peerceptron engine';
/** Never faster than wasm on the same processor. */
const fallbacks: ReadonlySet<EngineBackend> = new Set(['cpu', 'reference']);

/**
 * The fastest engine that computes right in this browser. Where there are several to choose from, that is measured at the first visit,
 * and remembered for this browser with this graphics card; the self-test is done at each.
 * @throws ENGINE_UNAVAILABLE
 */
export async function chooseBrowserEngine(
  options: ChooseBrowserEngineOptions,
): Promise<ChosenEngine<EngineBackend>> {
  const { graphics, userAgent, start, clock, storage } = options;
  const all = engineCandidates(graphics);
  const candidates = all.filter((backend) => !fallbacks.has(backend));
  if (candidates.length < 2) return chooseEngine(all, start);
  const key = [userAgent, graphics.renderer, ...candidates].join(', ');
  const known = remembered(storage, key);
  const fastest = candidates.find((backend) => backend === known);
  if (fastest) {
    try {
      return await chooseEngine([fastest], start);
    } catch {
      // A driver may have changed under the same name.
    }
  }
  const last = all.filter((backend) => fallbacks.has(backend));
  const chosen = await chooseFastestEngine(candidates, last, start, { clock });
  remember(storage, key, chosen.candidate);
  return chosen;
}

function remembered(storage: ChooseBrowserEngineOptions['storage'], key: string): unknown {
  try {
    const item = JSON.parse(storage().getItem(ITEM) ?? '{}') as Readonly<Record<string, unknown>>;
    return item.key === key ? item.backend : undefined;
  } catch {
    return undefined;
  }
}

function remember(storage: ChooseBrowserEngineOptions['storage'], key: string, backend: EngineBackend): void {
  try {
    storage().setItem(ITEM, JSON.stringify({ key, backend }));
  } catch {
    // Measured again at the next visit.
  }
}
